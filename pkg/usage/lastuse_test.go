package usage

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestIgnoreLooks(t *testing.T) {
	q := shop()
	look := hour(20)
	q.Projects[0].Looks = []Look{{builderID, look, look.Add(time.Second)}, {"two", hour(2), hour(2).Add(time.Second)}}
	for _, id := range []string{"new run", "new image", "new mount", "new local", "old run", "foreign"} {
		q.record(id).LastUsed = look
	}
	q.record("new copy").LastUsed = hour(2) // that look was at another builder
	q.Touched["unbuilt"] = []Ref{{Service: "web"}}
	q.Records = append(q.Records, record("unbuilt", "[app 9/9] COPY nobody knows", hour(3), 0))
	q.record("unbuilt").LastUsed = look

	u := New(q)
	before := u.item("old run").Class
	u.IgnoreLooks(&q)
	built := hour(1).Add(time.Minute)
	for id, want := range map[string]time.Time{
		"new run": built, "new image": built, "new mount": built, "new local": built, "new copy": hour(2), "unbuilt": {},
		"old run": look, "foreign": look, "old copy": noon.Add(time.Minute),
	} {
		i := u.item(id)
		assert.Assert(t, i.LastUsed.Equal(want), "%s: %s", id, i.LastUsed)
	}
	assert.Equal(t, u.item("old run").Class, before)

	// What was used by the last build that came to it is older than what was used by the last one.
	p := u.Plan(Selection{All: true, OlderThan: 22*time.Hour + 30*time.Minute})
	assert.Assert(t, len(p.Remove) > 0)
	for _, i := range p.Remove {
		assert.Assert(t, i.used().Before(hour(1.5)), i.ID)
	}
}
