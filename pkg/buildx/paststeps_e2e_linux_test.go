//go:build e2e

package buildx_test

import (
	"sort"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// TestPastSteps has the history say of builds what they made, what they took from the cache, and what they had no need of.
func TestPastSteps(t *testing.T) {
	w := newWorld(t)
	w.write(map[string]string{
		"web/Dockerfile": "FROM @ AS deps\nCOPY deps.txt .\nRUN cat deps.txt >/deps\nFROM @\nCOPY src src\nCOPY --from=deps /deps /deps\n",
		"web/deps.txt":   "one\n", "web/src/a.txt": "a\n",
	})
	plan := w.plan("web")
	w.build(plan)
	w.build(plan)
	w.write(map[string]string{"web/src/a.txt": "b\n"})
	w.build(plan)
	past, err := w.live.History(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(past), 3)
	sort.Slice(past, func(i, j int) bool { return past[i].Started.Before(past[j].Started) })
	for i, want := range []string{
		"COPY deps.txt . ran; RUN ran; COPY src src ran; COPY --from=deps /deps /deps ran",
		"COPY --from=deps /deps /deps loaded",
		"RUN loaded; COPY src src ran; COPY --from=deps /deps /deps ran",
	} {
		all, err := w.live.PastSteps(t.Context(), past[i].Ref)
		assert.NilError(t, err)
		assert.Equal(t, told(t, all), want)
	}
	_, err = w.live.PastSteps(t.Context(), "none")
	assert.ErrorContains(t, err, "history record none")
}

// told is what steps of a Dockerfile did, but for images.
func told(t *testing.T, all []buildx.PastStep) string {
	t.Helper()
	digests := map[string]bool{}
	for _, s := range all {
		digests[s.Digest] = true
	}
	out := map[string]string{}
	for _, s := range all {
		_, name, ok := strings.Cut(s.Name, "] ")
		if !ok || strings.HasPrefix(s.Name, "[internal]") || strings.HasPrefix(name, "FROM") {
			continue
		}
		for _, in := range s.Inputs {
			assert.Assert(t, digests[in], "%s comes of an unknown vertex", name)
		}
		if strings.HasPrefix(name, "RUN") {
			name = "RUN"
		}
		switch {
		case s.Ran:
			out[name] = " ran"
		case s.Loaded:
			out[name] = " loaded"
		}
	}
	var words []string
	for _, name := range []string{"COPY deps.txt .", "RUN", "COPY src src", "COPY --from=deps /deps /deps"} {
		if did := out[name]; did != "" {
			words = append(words, name+did)
		}
	}
	return strings.Join(words, "; ")
}
