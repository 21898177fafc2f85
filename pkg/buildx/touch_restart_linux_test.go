//go:build e2e

package buildx_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// After a restart, BuildKit notes no use of records that others are layered on. Which of several versions of a step it would use is
// found out all the same.
func TestTouchRestarted(t *testing.T) {
	w := newShop(t)
	plan := w.plan("web", "api")
	for version := range 3 {
		w.write(map[string]string{"web/deps.txt": fmt.Sprintln("web", version), "api/src/b.txt": fmt.Sprintln("api", version)})
		w.build(plan)
	}
	found, missing := w.touch(plan)
	assert.Equal(t, len(missing), 0, "%v", missing)
	w.restart()
	again, missing := w.touch(plan)
	assert.Equal(t, len(missing), 0, "%v", missing)
	assert.DeepEqual(t, w.foundRecords(again), w.foundRecords(found))
	assert.DeepEqual(t, w.unexplained(again), w.unexplained(found))
	assert.Equal(t, w.build(plan), 0)
}

// Foresee looks at records whose sizes are not known yet, as they are after a build. That may not pass for a use of them.
func TestTouchForeseen(t *testing.T) {
	w := newShop(t)
	plan := w.plan("web", "api")
	for version := range 3 {
		w.write(map[string]string{"web/deps.txt": fmt.Sprintln("web", version), "api/src/b.txt": fmt.Sprintln("api", version)})
		w.build(plan)
	}
	sources := w.sources(plan)
	records, err := w.live.Foresee(t.Context())
	assert.NilError(t, err)
	found, err := w.live.Touch(t.Context(), sources, buildx.TouchOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(records), len(w.records()))
	again, _ := w.touch(plan)
	assert.DeepEqual(t, w.foundRecords(found), w.foundRecords(again))
	assert.DeepEqual(t, found.Loaded, again.Loaded)
}

// foundRecords are the records of each step, in words.
func (w *world) foundRecords(found *buildx.Touched) []string {
	all := w.records()
	var out []string
	for _, ids := range found.Records {
		var words []string
		for _, id := range ids {
			words = append(words, id+" "+all[id].Description)
		}
		out = append(out, strings.Join(words, ", "))
	}
	slices.Sort(out)
	return out
}
