package lab

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

func TestLost(t *testing.T) {
	sized := func(r buildx.CacheRecord, size int64) buildx.CacheRecord {
		r.Size = size
		return r
	}
	mutable := func(r buildx.CacheRecord, inUse bool) buildx.CacheRecord {
		r.Mutable, r.InUse = true, inUse
		return r
	}
	named := func(r buildx.CacheRecord, description string) buildx.CacheRecord {
		r.Description = description
		return r
	}
	list := func(r ...buildx.CacheRecord) []buildx.CacheRecord { return r }
	since := at(100)
	for _, tc := range []struct {
		name          string
		before, after []buildx.CacheRecord
		gone, changed []string
	}{
		{"same", list(record("a", 1)), list(record("a", 1), record("new", 200)), []string{}, []string{}},
		{"gone", list(record("a", 1), record("b", 1)), list(record("b", 1)), []string{"a"}, []string{}},
		{"grown", list(sized(record("a", 1), 5)), list(sized(record("a", 1), 6)), []string{}, []string{"a"}},
		{"in use", list(sized(record("a", 1), 5)), list(mutable(sized(record("a", 1), 0), true)), []string{}, []string{}},
		{"unpacked", list(named(sized(record("a", 1), 5), "pulled from x")), list(named(sized(record("a", 1), 6), "pulled from x")), []string{}, []string{}},
		{"twin", list(mutable(named(record("a", 1), "RUN"), false)), list(named(record("b", 2), "RUN")), []string{}, []string{}},
		{"twin of another time", list(mutable(named(record("a", 1), "RUN"), false)), list(named(record("b", 101), "RUN")), []string{"a"}, []string{}},
		{"no twin", list(named(record("a", 1), "RUN")), list(named(record("b", 2), "RUN")), []string{"a"}, []string{}},
		{
			"one twin of two",
			list(mutable(named(record("a", 1), "RUN"), false), mutable(named(record("c", 1), "RUN"), false)), list(named(record("b", 2), "RUN")),
			[]string{"c"},
			[]string{},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gone, changed := lost(tc.before, tc.after, since)
			assert.DeepEqual(t, ids(gone), tc.gone)
			assert.DeepEqual(t, ids(changed), tc.changed)
		})
	}
	gone, _ := lost(list(mutable(named(record("a", 1), "RUN"), false)), list(named(record("b", 101), "RUN")), time.Time{})
	assert.Equal(t, len(gone), 0, "when the lab's builds began is unknown")
}

func TestSome(t *testing.T) {
	long := record("a", 1)
	long.Description, long.Size = strings.Repeat("ä", 100), 2000
	text := some([]buildx.CacheRecord{long, record("b", 1), record("c", 1), record("d", 1), record("e", 1)})
	assert.Equal(t, text, "a ("+strings.Repeat("ä", 59)+"…, 2kB), b (b, 0B), c (c, 0B) and 2 more")
}
