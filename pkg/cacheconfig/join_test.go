package cacheconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	v1 "github.com/moby/buildkit/cache/remotecache/v1"
	types "github.com/moby/buildkit/cache/remotecache/v1/types"
	"github.com/moby/buildkit/solver"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

// step is one of a project as it is known to BuildKit: its digest, and what it is built on. Steps with the same digest and the
// same inputs are one. copies are steps with the same result as an input, by its index: what is built on them is the same.
type step struct {
	name   string
	inputs []*step
	copies map[int]*step
}

// key is the digest of which a record has the one of its first output.
func key(name string) digest.Digest { return digest.FromString(name) }

func recorded(name string) digest.Digest {
	return digest.FromBytes(fmt.Appendf(nil, "%s@0", key(name)))
}

// exporter makes the cache of a build, with the results of some of its steps.
type exporter struct {
	cache  *Cache
	places map[*step]int
	build  string
	random *rand.Rand
}

func (e *exporter) add(s *step) int {
	if at, known := e.places[s]; known {
		return at
	}
	r := types.CacheRecord{Digest: recorded(s.name)}
	parent := -1
	for i, in := range s.inputs {
		at := e.add(in)
		if i == 0 && len(e.cache.Records[at].Results) > 0 {
			parent = e.cache.Records[at].Results[0].LayerIndex
		}
		links := []types.CacheInput{{LinkIndex: at}}
		if twin := s.copies[i]; twin != nil && e.random.IntN(2) == 0 {
			links = append(links, types.CacheInput{LinkIndex: e.add(twin)})
		}
		r.Inputs = append(r.Inputs, links)
	}
	if e.random.IntN(4) > 0 {
		// a step that ran twice may have another result
		blob := key(s.name + " by " + e.build)
		if e.random.IntN(2) == 0 {
			blob = key(s.name)
		}
		e.cache.Layers = append(e.cache.Layers, types.CacheLayer{Blob: blob, ParentIndex: parent})
		e.cache.Blobs[blob] = ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayerGzip, Digest: blob, Size: 1}
		r.Results = []types.CacheResult{{LayerIndex: len(e.cache.Layers) - 1, CreatedAt: time.Unix(e.random.Int64N(1000), 0).UTC()}}
	}
	e.places[s] = len(e.cache.Records)
	e.cache.Records = append(e.cache.Records, r)
	return e.places[s]
}

// repeats tells whether a step is built on one of a name. Such a step with the same result as without itself is a loop, for which
// BuildKit's document has no words.
func (s *step) repeats(name string) bool {
	return slices.ContainsFunc(s.inputs, func(in *step) bool { return in.name == name || in.repeats(name) })
}

// project is a random graph of steps.
func project(random *rand.Rand) []*step {
	var all []*step
	for i := range 3 + random.IntN(25) {
		number := i % (3 + random.IntN(20)) // the first is 0
		s := &step{name: fmt.Sprint("step ", number), copies: map[int]*step{}}
		for range min(len(all), 1) * (number % 3) { // an operation always has as many inputs
			s.inputs = append(s.inputs, all[random.IntN(len(all))])
		}
		for i := range s.inputs {
			if random.IntN(4) == 0 && !s.repeats(s.name) {
				s.copies[i] = all[random.IntN(len(all))]
			}
		}
		same := func(other *step) bool { return other.name == s.name && slices.Equal(other.inputs, s.inputs) }
		if !slices.ContainsFunc(all, same) {
			all = append(all, s)
		}
	}
	return all
}

func export(random *rand.Rand, all []*step, build string) *exporter {
	e := &exporter{&Cache{Blobs: map[digest.Digest]ocispecs.Descriptor{}}, map[*step]int{}, build, random}
	for range 1 + random.IntN(4) {
		e.add(all[random.IntN(len(all))])
	}
	return e
}

// written is the cache as BuildKit would read it.
func written(t *testing.T, c *Cache) *Cache {
	t.Helper()
	manifest, config, err := c.Marshal()
	assert.NilError(t, err)
	out, err := Read(manifest, config)
	assert.NilError(t, err)
	return out
}

// imported is a cache in BuildKit's hands.
func imported(t *testing.T, c *Cache) solver.CacheManager {
	t.Helper()
	layers := v1.DescriptorProvider{}
	for dgst, d := range c.Blobs {
		layers[dgst] = v1.DescriptorProviderPair{Descriptor: d}
	}
	chains := v1.NewCacheChains()
	assert.NilError(t, v1.ParseConfig(c.CacheConfig, layers, chains))
	keys, results, err := v1.NewCacheKeyStorage(chains, nil)
	assert.NilError(t, err)
	return solver.NewCacheManager(context.Background(), "joined", keys, results)
}

// found are the keys that BuildKit finds of a step, going from step to step as a build does.
func found(t *testing.T, m solver.CacheManager, s *step, known map[*step][]*solver.CacheKey) []*solver.CacheKey {
	t.Helper()
	if keys, done := known[s]; done {
		return keys
	}
	var out []*solver.CacheKey
	if len(s.inputs) == 0 {
		keys, err := m.Query(nil, 0, key(s.name), 0)
		assert.NilError(t, err)
		out = keys
	}
	for i, in := range s.inputs {
		var deps []solver.CacheKeyWithSelector
		for _, k := range found(t, m, in, known) {
			deps = append(deps, solver.CacheKeyWithSelector{CacheKey: solver.ExportableCacheKey{CacheKey: k}})
		}
		keys, err := m.Query(deps, solver.Index(i), key(s.name), 0)
		assert.NilError(t, err)
		if i == 0 {
			out = keys
			continue
		}
		out = slices.DeleteFunc(out, func(k *solver.CacheKey) bool {
			return !slices.ContainsFunc(keys, func(other *solver.CacheKey) bool { return other.ID == k.ID })
		})
	}
	known[s] = out
	return out
}

// TestJoin joins the caches of random builds of random projects. BuildKit finds in the joined one what it finds in each.
func TestJoin(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 1))
		all := project(random)
		var exports []*exporter
		var caches []*Cache
		for n := range 1 + random.IntN(5) {
			e := export(random, all, fmt.Sprint("build ", n))
			exports, caches = append(exports, e), append(caches, written(t, e.cache))
		}
		joined := written(t, Join(caches))
		again, err := json.Marshal(Join(caches).CacheConfig)
		assert.NilError(t, err)
		first, err := json.Marshal(joined.CacheConfig)
		assert.NilError(t, err)
		assert.Equal(t, string(again), string(first))
		m := imported(t, joined)
		known := map[*step][]*solver.CacheKey{}
		for n, e := range exports {
			own := imported(t, e.cache)
			ownKnown := map[*step][]*solver.CacheKey{}
			for s := range e.places {
				if len(found(t, own, s, ownKnown)) == 0 {
					continue // BuildKit can't get there by its own inputs
				}
				keys := found(t, m, s, known)
				assert.Assert(t, len(keys) > 0, "seed %d, build %d: %s is lost", seed, n, s.name)
				for _, want := range results(t, own, ownKnown[s]) {
					assert.Assert(t, slices.Contains(results(t, m, keys), want), "seed %d, build %d: a result of %s is lost", seed, n, s.name)
				}
			}
		}
	}
}

// results are what BuildKit knows the results of keys by: their layers.
func results(t *testing.T, m solver.CacheManager, keys []*solver.CacheKey) []string {
	t.Helper()
	var out []string
	for _, k := range keys {
		records, err := m.Records(context.Background(), k)
		assert.NilError(t, err)
		for _, r := range records {
			out = append(out, r.ID)
		}
	}
	return out
}
