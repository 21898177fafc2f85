package lab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// at is a second of the builder's clock.
func at(seconds float64) time.Time { return time.Unix(1000, 0).Add(time.Duration(seconds * 1e9)) }

func record(id string, made float64) buildx.CacheRecord {
	return buildx.CacheRecord{ID: id, Type: buildx.RegularRecord, Description: id, CreatedAt: at(made)}
}

// past is a build; to is negative while it runs, and an empty namespace is that of somebody else.
func past(ref, namespace string, from, to float64) buildx.PastBuild {
	b := buildx.PastBuild{Ref: ref, Started: at(from), Args: map[string]string{}}
	if to >= 0 {
		b.Ended = at(to)
	}
	if namespace != "" {
		b.Args[mountNamespace] = namespace
	}
	return b
}

func testMarks() marks {
	return marks{
		Namespace: "lab-1", Records: map[string]bool{"old": true}, Fetched: map[string]bool{"image": true},
		Past: map[string]bool{"before": true}, Builds: map[string]span{"forgotten": {From: at(10), To: at(20), Cold: true}},
	}
}

func TestSorter(t *testing.T) {
	mount := func(namespace string, made float64) buildx.CacheRecord {
		r := record("m", made)
		r.Type, r.Description = buildx.MountRecord, `cached mount /c from exec echo ' with id "lab-1/c"' with id "`+namespace+`//c"`
		return r
	}
	ours := []buildx.PastBuild{past("before", "", 1, 2), past("warm", "lab-1", 30, 40), past("cold", "lab-1-cold-1", 50, 60)}
	failed := slices.Clone(ours)
	failed[1].Failed = true
	theirs := func(from, to float64) []buildx.PastBuild {
		return append(slices.Clone(ours), past("theirs", "", from, to))
	}
	names := map[string]map[string]bool{
		"warm": {"RUN a": true}, "cold": {"RUN a": true}, "forgotten": {"RUN a": true}, "theirs": {"RUN b": true},
	}
	same := map[string]map[string]bool{
		"warm": {"RUN a": true}, "cold": {"RUN a": true}, "forgotten": {"RUN a": true}, "theirs": {"RUN a": true},
	}
	for _, tc := range []struct {
		name   string
		builds []buildx.PastBuild
		names  map[string]map[string]bool
		record buildx.CacheRecord
		made   bool
		mine   bool
	}{
		{"was there", ours, names, record("old", 35), false, false},
		{"before all builds", ours, names, record("r", 5), false, false},
		{"of a build that is forgotten", ours, names, record("r", 15), true, true},
		{"of a warm build", ours, names, record("r", 35), true, true},
		{"at its end", ours, names, record("r", 40), true, true},
		{"between builds", ours, names, record("r", 45), false, false},
		{"after one that failed", failed, names, record("r", 41), true, true},
		{"long after one that failed", failed, names, record("r", 43), false, false},
		{"image", ours, names, record("image", 5), true, true},
		{"cache mount", ours, names, mount("lab-1", 45), true, true},
		{"cache mount of a cold build", ours, names, mount("lab-1-cold-7", 45), true, true},
		{"cache mount of another lab", ours, names, mount("lab-10", 45), false, false},
		{"cache mount of nobody", ours, names, mount("", 45), false, false},

		{"while they built", theirs(32, 38), names, record("r", 35), true, false},
		{"a moment after", theirs(32, 38), names, record("r", 38.05), true, false},
		{"before they built", theirs(32, 38), names, record("r", 31), true, true},
		{"after they built", theirs(32, 38), names, record("r", 39), true, true},
		{"while they build", theirs(32, -1), names, record("r", 55), true, false},
		{"before they build, and may find it", theirs(42, -1), names, record("r", 35), true, false},
		{"before they built the same", theirs(42, 45), same, record("r", 35), true, false},
		{"after they built the same", theirs(42, 45), same, record("r", 55), true, true},
		{"before they built what is unknown", theirs(42, 45), nil, record("r", 35), true, false},
		{"image, and they built", theirs(42, 45), names, record("image", 5), true, false},
		{"cache mount while they built", theirs(32, 38), same, mount("lab-1", 35), true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSorter(testMarks(), tc.builds, func(ref string) (map[string]bool, bool) {
				n, ok := tc.names[ref]
				return n, ok
			})
			assert.Equal(t, s.made(tc.record), tc.made)
			assert.Equal(t, s.mine(tc.record), tc.mine)
			assert.Equal(t, s.first(), at(10))
		})
	}
	s := newSorter(testMarks(), ours, nil)
	assert.Assert(t, s.cold(record("r", 55)) && s.cold(record("r", 15)) && !s.cold(record("r", 35)))
}

// TestSorterSpares has builds of both sides at random: whatever they made, or may have found, is never the lab's.
func TestSorterSpares(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var builds []buildx.PastBuild
		instructions := map[string]map[string]bool{}
		for i := range 1 + random.IntN(6) {
			from := random.Float64() * 100
			b := past(fmt.Sprint(i), []string{"", "lab-1", "lab-1-cold-1"}[random.IntN(3)], from, from+random.Float64()*20)
			if random.IntN(8) == 0 {
				b.Ended = time.Time{}
			}
			instructions[b.Ref] = map[string]bool{fmt.Sprint(random.IntN(3)): true}
			builds = append(builds, b)
		}
		m := testMarks()
		m.Builds = nil
		s := newSorter(m, builds, func(ref string) (map[string]bool, bool) { return instructions[ref], true })
		for range 10 {
			r := record("r", random.Float64()*120)
			inside, theirs := false, false
			for _, b := range builds {
				within := !r.CreatedAt.Before(b.Started) && (b.Ended.IsZero() || !r.CreatedAt.After(b.Ended))
				if b.Args[mountNamespace] != "" {
					inside = inside || within
					continue
				}
				theirs = theirs || within
				for _, o := range builds {
					for name := range instructions[b.Ref] {
						found := o.Args[mountNamespace] != "" && instructions[o.Ref][name] && (b.Ended.IsZero() || r.CreatedAt.Before(b.Ended))
						theirs = theirs || found
					}
				}
			}
			if s.mine(r) {
				assert.Assert(t, inside && !theirs, "%v %v", r, builds)
			}
		}
	}
}

func TestRemovable(t *testing.T) {
	a, b, c, d := record("a", 1), record("b", 1), record("c", 1), record("d", 1)
	b.Parents, c.Parents, d.Parents = []string{"a"}, []string{"b"}, []string{"a"}
	all := []buildx.CacheRecord{a, b, c, d}
	goes := func(names ...string) []string {
		return ids(removable(all, func(r buildx.CacheRecord) bool { return slices.Contains(names, r.ID) }))
	}
	assert.DeepEqual(t, goes("a", "b", "c", "d"), []string{"a", "b", "c", "d"})
	assert.DeepEqual(t, goes("a", "b", "c"), []string{"b", "c"})
	assert.DeepEqual(t, goes("a", "b", "d"), []string{"d"})
	assert.DeepEqual(t, goes(), []string{})
}
