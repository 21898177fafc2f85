package usage

import (
	"testing"

	"gotest.tools/v3/assert"
)

// An engine shares the data of layers between its images and its cache: a record frees something once no image has the same any more.
func TestNarrow(t *testing.T) {
	shared := func() *Usage {
		q := shop()
		for _, id := range []string{"old image", "old run", "old copy"} {
			q.record(id).Shared = true
		}
		return New(q)
	}
	stale := []string{"old copy", "old run", "old image"}
	u := shared()
	assert.Equal(t, u.Plan(Selection{}).Bytes, int64(2*layerSize), "the local source and the mount")
	announced := u.Plan(Selection{Unshared: true})
	assert.Equal(t, announced.Bytes, int64(5*layerSize))
	for _, tc := range []struct {
		name string
		now  map[string]bool
		gone []string
	}{
		{"all images went", map[string]bool{}, stale},
		{"none did", map[string]bool{"old image": true, "old run": true, "old copy": true}, nil},
		{"one stayed that has the lower layers", map[string]bool{"old image": true, "old run": true}, stale[:1]},
		{"the upper one stayed, as another may be built on it", map[string]bool{"old copy": true}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plan := shared().Narrow(announced, Selection{Unshared: true}, tc.now)
			removed := map[string]bool{}
			for _, id := range ids(plan.Remove) {
				removed[id] = true
			}
			for i, id := range stale {
				assert.Equal(t, removed[id], i < len(tc.gone), id)
			}
			assert.Equal(t, len(removed), len(tc.gone)+2)
			assert.Equal(t, plan.Bytes, int64(len(removed)*layerSize))
		})
	}
	// What was not announced is not taken, though it could go now.
	plan := shared().Narrow(shared().Plan(Selection{}), Selection{}, map[string]bool{})
	assert.Equal(t, len(plan.Remove), 2, "%v", ids(plan.Remove))
}
