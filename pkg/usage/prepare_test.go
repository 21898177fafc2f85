package usage

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

// TestPrepare: what was prepared leads to the same as if it had not been, and to nothing where the ledgers have changed since.
func TestPrepare(t *testing.T) {
	items := func(q Question) string {
		t.Helper()
		text, err := json.Marshal(New(q).Items)
		assert.NilError(t, err)
		return string(text)
	}
	q := shop()
	early := q
	early.Touched, early.Unprobed, early.Probed = nil, nil, false
	prepared := q
	prepared.Prepared = early.Prepare()
	assert.Assert(t, prepared.Prepared.isOf(&prepared))
	assert.Equal(t, items(prepared), items(q))

	for name, change := range map[string]func(q *Question){
		"looked at":       func(q *Question) { q.Projects[0].Looks = []Look{{Builder: builderID, From: noon, To: hour(9)}} },
		"built":           func(q *Question) { q.Projects[0].History = &ledger.History{Builds: q.Projects[0].History.Builds[1:]} },
		"fewer projects":  func(q *Question) { q.Projects = q.Projects[:1] },
		"fewer records":   func(q *Question) { q.Records = q.Records[1:] },
		"another builder": func(q *Question) { q.Builder = "another" },
		"forgetful":       func(q *Question) { q.Forgets = true },
	} {
		changed := shop()
		old := changed.Prepare()
		changed.Projects = append([]Project(nil), changed.Projects...)
		change(&changed)
		want := items(changed)
		changed.Prepared = old
		assert.Equal(t, items(changed), want, name)
	}
}
