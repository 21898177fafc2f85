// Package cacheconfig is the document in which BuildKit describes an exported cache, and joins several of them into one.
//
// BuildKit can import several caches, but where two of them have a step it goes on from one of them, and finds nothing of what only
// the other has (moby/buildkit#6418, solver/combinedcache.go). One document with all that they have loses nothing.
package cacheconfig

import (
	"encoding/json"
	"errors"
	"fmt"

	types "github.com/moby/buildkit/cache/remotecache/v1/types"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Cache is an exported cache: what steps it has, and the layers of their results.
type Cache struct {
	types.CacheConfig
	// Blobs are the descriptors of layers by their digests.
	Blobs map[digest.Digest]ocispecs.Descriptor
}

// Most is how many bytes BuildKit reads of a manifest or a configuration (cache/remotecache/import.go, readBlob).
const Most = 1 << 20

// listing is a manifest in one of the two forms in which BuildKit writes caches: an image manifest, or an index that lists blobs.
type listing struct {
	Config    ocispecs.Descriptor
	Layers    []ocispecs.Descriptor
	Manifests []ocispecs.Descriptor
}

func parse(manifest []byte) (config ocispecs.Descriptor, layers []ocispecs.Descriptor, err error) {
	var l listing
	if err := json.Unmarshal(manifest, &l); err != nil {
		return config, nil, err
	}
	config, layers = l.Config, l.Layers
	for _, d := range l.Manifests {
		if d.MediaType == types.CacheConfigMediaTypeV0 {
			config = d
		} else {
			layers = append(layers, d)
		}
	}
	if config.MediaType != types.CacheConfigMediaTypeV0 {
		return config, nil, errors.New("it is not a cache with a configuration of its own")
	}
	return config, layers, nil
}

// ConfigOf is what a manifest says of its configuration. It is an error when it is not a cache: an image has an inline one at most.
func ConfigOf(manifest []byte) (ocispecs.Descriptor, error) {
	config, _, err := parse(manifest)
	return config, err
}

// Read puts together a manifest and its configuration.
func Read(manifest, config []byte) (*Cache, error) {
	_, layers, err := parse(manifest)
	if err != nil {
		return nil, err
	}
	c := &Cache{Blobs: map[digest.Digest]ocispecs.Descriptor{}}
	if err := json.Unmarshal(config, &c.CacheConfig); err != nil {
		return nil, err
	}
	for _, d := range layers {
		c.Blobs[d.Digest] = d
	}
	return c, c.check()
}

// check sees that what the document refers to is there.
func (c *Cache) check() error {
	for i, l := range c.Layers {
		if l.ParentIndex < -1 || l.ParentIndex >= len(c.Layers) {
			return fmt.Errorf("layer %d: there is no layer %d", i, l.ParentIndex)
		}
	}
	for i := range c.Layers {
		depth := 0
		for at := i; at >= 0; at = c.Layers[at].ParentIndex {
			if depth++; depth > len(c.Layers) {
				return fmt.Errorf("layer %d: it is below itself", i)
			}
		}
	}
	layer := func(record, i int) error {
		if i < 0 || i >= len(c.Layers) {
			return fmt.Errorf("record %d: there is no layer %d", record, i)
		}
		return nil
	}
	for i, r := range c.Records {
		for _, input := range r.Inputs {
			if len(input) == 0 {
				return fmt.Errorf("record %d: an input is nothing", i)
			}
			for _, in := range input {
				if in.LinkIndex < 0 || in.LinkIndex >= len(c.Records) {
					return fmt.Errorf("record %d: there is no record %d", i, in.LinkIndex)
				}
			}
		}
		for _, result := range r.Results {
			if err := layer(i, result.LayerIndex); err != nil {
				return err
			}
		}
		for _, chain := range r.ChainedResults {
			for _, at := range chain.LayerIndexes {
				if err := layer(i, at); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Marshal is the manifest of a cache, with its configuration. The same cache gives the same bytes.
func (c *Cache) Marshal() (manifest, config []byte, err error) {
	if config, err = json.Marshal(c.CacheConfig); err != nil {
		return nil, nil, err
	}
	m := ocispecs.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispecs.MediaTypeImageManifest,
		Config:    ocispecs.Descriptor{MediaType: types.CacheConfigMediaTypeV0, Digest: digest.FromBytes(config), Size: int64(len(config))},
		Layers:    []ocispecs.Descriptor{},
	}
	listed := map[digest.Digest]bool{}
	for _, l := range c.Layers {
		if d, known := c.Blobs[l.Blob]; known && !listed[l.Blob] {
			listed[l.Blob] = true
			m.Layers = append(m.Layers, d)
		}
	}
	manifest, err = json.Marshal(m)
	return manifest, config, err
}
