package usage

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
)

// What is learnt of strangers later leads to the same as if it had been known before.
func TestHeeding(t *testing.T) {
	q := shop()
	u := New(q)
	assert.Equal(t, u.item("old copy").Class, Stale)
	strangers := []Stranger{{Ref: "s", From: noon, To: hour(1)}} // it may have done anything
	late := u.Heeding(strangers)
	assert.Equal(t, late.item("old copy").Class, Unknown)
	q.Strangers = strangers
	want, err := json.Marshal(New(q).Items)
	assert.NilError(t, err)
	got, err := json.Marshal(late.Items)
	assert.NilError(t, err)
	assert.Equal(t, string(got), string(want))
	assert.Equal(t, u.item("old copy").Class, Stale, "what was known before has changed")
}
