package targets

import (
	"encoding/json"
	"slices"
)

// Definition is all of a target that decides what is built: two targets with the same one are the same build under other
// names. Where its cache goes is no part of it, unless that is the image itself.
func Definition(t Target) string {
	t.Service, t.Image, t.Reason, t.Tags, t.Linked = "", "", "", nil, false
	t.CacheTo = slices.DeleteFunc(slices.Clone(t.CacheTo), func(entry string) bool {
		fields, ok := cacheFields(entry)
		return ok && cacheValue(fields, "type") != "inline"
	})
	if len(t.CacheTo) == 0 {
		t.CacheTo = nil
	}
	t.Build.Tags, t.Build.Target, t.Build.Platforms, t.Build.CacheFrom, t.Build.CacheTo = nil, "", nil, nil, nil
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // plain values
	}
	return string(text)
}
