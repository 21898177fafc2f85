package cacheconfig

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	types "github.com/moby/buildkit/cache/remotecache/v1/types"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Join is one cache with all that several have. Of two records of one digest, of which each input may be the same one, BuildKit
// makes one when it adds them to a cache (cache/remotecache/v1/chains.go, Add): the key is the same. So they are one here, with
// all the results and with all that either input may be.
func Join(caches []*Cache) *Cache {
	j := &joiner{
		caches: caches, layers: map[string]int{}, places: map[*record]int{},
		out: &Cache{Blobs: map[digest.Digest]ocispecs.Descriptor{}},
	}
	for _, c := range caches {
		maps.Copy(j.out.Blobs, c.Blobs)
		j.add(c)
	}
	for j.unite() {
	}
	for _, r := range j.records {
		j.write(r.root())
	}
	return j.out
}

// record is one of a cache that is joined. Those that are one have one root.
type record struct {
	digest.Digest
	cache  *Cache
	number int
	inputs []map[link]bool
	// results are those of the record itself, in the words of its cache.
	results []types.CacheResult
	chains  []types.ChainedResult
	parent  *record
	// others are those whose root it is.
	others []*record
}

// link is something that an input may be.
type link struct {
	to       *record
	selector string
}

func (r *record) root() *record {
	for r.parent != nil {
		r = r.parent
	}
	return r
}

type joiner struct {
	caches  []*Cache
	records []*record
	out     *Cache
	// layers are the places of layers in out, by what they and those below are.
	layers map[string]int
	// places are those of records in out; absent where a record has none.
	places map[*record]int
}

// add adds the records of a cache, each by itself.
func (j *joiner) add(c *Cache) {
	first := len(j.records)
	for i := range c.Records {
		r := &c.Records[i]
		j.records = append(j.records, &record{Digest: r.Digest, cache: c, number: len(j.records), results: r.Results, chains: r.ChainedResults})
	}
	for i := range c.Records {
		for _, input := range c.Records[i].Inputs {
			links := map[link]bool{}
			for _, in := range input {
				links[link{j.records[first+in.LinkIndex], in.Selector}] = true
			}
			j.records[first+i].inputs = append(j.records[first+i].inputs, links)
		}
	}
}

// unite makes one of records that are the same, and tells whether there were any. What they are inputs of may be the same then.
func (j *joiner) unite() bool {
	united := false
	same := map[digest.Digest][]*record{}
	for _, r := range j.records {
		if r.parent != nil {
			continue
		}
		r.settle()
		i := slices.IndexFunc(same[r.Digest], r.isSame)
		if i < 0 {
			same[r.Digest] = append(same[r.Digest], r)
			continue
		}
		same[r.Digest][i].take(r)
		united = true
	}
	return united
}

// settle lets links lead to roots.
func (r *record) settle() {
	for i, links := range r.inputs {
		settled := make(map[link]bool, len(links))
		for l := range links {
			settled[link{l.to.root(), l.selector}] = true
		}
		r.inputs[i] = settled
	}
}

// isSame tells of two of one digest whether each of their inputs may be the same one.
func (r *record) isSame(other *record) bool {
	if len(r.inputs) != len(other.inputs) {
		return false
	}
	for i, links := range r.inputs {
		shared := false
		for l := range links {
			shared = shared || other.inputs[i][l]
		}
		if !shared {
			return false
		}
	}
	return true
}

func (r *record) take(other *record) {
	other.parent = r
	r.others = append(append(r.others, other), other.others...)
	for i, links := range other.inputs {
		maps.Copy(r.inputs[i], links)
	}
}

const absent = -1

// write writes a root and what it is built on, and returns its place. A document must have no loops, and no input that can't be
// anything: such a record is left out, and a link that would close a loop as well.
func (j *joiner) write(r *record) int {
	if at, known := j.places[r]; known {
		return at
	}
	j.places[r] = absent // to whom comes by here again, in a loop
	out := types.CacheRecord{Digest: r.Digest, Inputs: make([][]types.CacheInput, len(r.inputs))}
	for i, links := range r.inputs {
		for _, l := range sorted(links) {
			if at := j.write(l.to.root()); at != absent {
				out.Inputs[i] = append(out.Inputs[i], types.CacheInput{Selector: l.selector, LinkIndex: at})
			}
		}
		if len(out.Inputs[i]) == 0 {
			delete(j.places, r) // once the loop is written it may have a place
			return absent
		}
		slices.SortFunc(out.Inputs[i], func(a, b types.CacheInput) int {
			return cmp.Or(cmp.Compare(a.LinkIndex, b.LinkIndex), cmp.Compare(a.Selector, b.Selector))
		})
		out.Inputs[i] = slices.Compact(out.Inputs[i])
	}
	for _, one := range append([]*record{r}, r.others...) {
		j.addResults(&out, one)
	}
	slices.SortStableFunc(out.Results, func(a, b types.CacheResult) int { return b.CreatedAt.Compare(a.CreatedAt) })
	j.places[r] = len(j.out.Records)
	j.out.Records = append(j.out.Records, out)
	return j.places[r]
}

// sorted are links in the order of the records that they lead to, so that the same caches give the same document.
func sorted(links map[link]bool) []link {
	return slices.SortedFunc(maps.Keys(links), func(a, b link) int {
		return cmp.Or(cmp.Compare(a.to.root().number, b.to.root().number), strings.Compare(a.selector, b.selector))
	})
}

// addResults adds those of a record that are not there yet. Of equal ones the newest time counts.
func (j *joiner) addResults(out *types.CacheRecord, from *record) {
	for _, result := range from.results {
		at := j.layer(from.cache, result.LayerIndex)
		i := slices.IndexFunc(out.Results, func(known types.CacheResult) bool { return known.LayerIndex == at })
		if i < 0 {
			out.Results = append(out.Results, types.CacheResult{LayerIndex: at, CreatedAt: result.CreatedAt})
			continue
		}
		out.Results[i].CreatedAt = newest(out.Results[i].CreatedAt, result.CreatedAt)
	}
	for _, chain := range from.chains {
		layers := make([]int, len(chain.LayerIndexes))
		for i, at := range chain.LayerIndexes {
			layers[i] = j.layer(from.cache, at)
		}
		i := slices.IndexFunc(out.ChainedResults, func(known types.ChainedResult) bool { return slices.Equal(known.LayerIndexes, layers) })
		if i < 0 {
			out.ChainedResults = append(out.ChainedResults, types.ChainedResult{LayerIndexes: layers, CreatedAt: chain.CreatedAt})
			continue
		}
		out.ChainedResults[i].CreatedAt = newest(out.ChainedResults[i].CreatedAt, chain.CreatedAt)
	}
}

func newest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// layer is the place of a layer of a cache, which is written if it isn't there yet.
func (j *joiner) layer(c *Cache, at int) int {
	parent := absent
	l := c.Layers[at]
	if l.ParentIndex >= 0 {
		parent = j.layer(c, l.ParentIndex)
	}
	key := l.Blob.String() + " on " + strconv.Itoa(parent)
	place, known := j.layers[key]
	if !known {
		place = len(j.out.Layers)
		j.layers[key] = place
		j.out.Layers = append(j.out.Layers, types.CacheLayer{Blob: l.Blob, ParentIndex: parent, Annotations: l.Annotations})
	}
	return place
}

// IsIn tells whether another cache, of which this one was joined, has all that is in this one.
func (c *Cache) IsIn(one *Cache) bool {
	alone := Join([]*Cache{one})
	return alone.counts() == c.counts()
}

// counts are how many records, inputs, results and layers there are. Joining only adds.
func (c *Cache) counts() [4]int {
	out := [4]int{len(c.Records), 0, 0, len(c.Layers)}
	for _, r := range c.Records {
		for _, input := range r.Inputs {
			out[1] += len(input)
		}
		out[2] += len(r.Results) + len(r.ChainedResults)
	}
	return out
}
