package registry

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// atOnce bounds the questions that a registry is asked at a time.
const atOnce = 8

// Contents is what a repository has.
type Contents struct {
	Name string
	// Whole says that all of it was read, and not only what was wanted.
	Whole bool
	// Tags are digests by tag; empty for those that were not wanted.
	Tags map[string]string
	// Manifests are by digest: those of Tags, and what they list. One that is missing is missing in the registry.
	Manifests map[string]*Manifest
}

// Read reads the tags of a repository, and what those that are wanted reach; nil wants all.
func (r *Repository) Read(ctx context.Context, want func(tag string) bool) (*Contents, error) {
	tags, err := r.Tags(ctx)
	if err != nil {
		return nil, err
	}
	c := &Contents{Name: r.name, Whole: want == nil, Tags: map[string]string{}, Manifests: map[string]*Manifest{}}
	var wanted []string
	for _, tag := range tags {
		if want == nil || want(tag) {
			wanted = append(wanted, tag)
		} else {
			c.Tags[tag] = ""
		}
	}
	named, err := r.manifests(ctx, wanted)
	if err != nil {
		return nil, err
	}
	var below []string
	add := func(m *Manifest) {
		if c.Manifests[m.Digest] == nil {
			c.Manifests[m.Digest] = m
			below = append(below, m.Manifests...)
		}
	}
	for tag, m := range named {
		c.Tags[tag] = m.Digest
		add(m)
	}
	asked := map[string]bool{}
	for len(below) > 0 {
		var unknown []string
		for _, dgst := range below {
			if c.Manifests[dgst] == nil && !asked[dgst] {
				asked[dgst] = true
				unknown = append(unknown, dgst)
			}
		}
		found, err := r.manifests(ctx, unknown)
		if err != nil {
			return nil, err
		}
		below = nil
		for _, m := range found {
			add(m)
		}
	}
	return c, nil
}

// manifests reads several by tag or digest. Those that are not there are left out: what an index lists need not be, and a tag
// can go meanwhile.
func (r *Repository) manifests(ctx context.Context, refs []string) (map[string]*Manifest, error) {
	out := map[string]*Manifest{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, ref := range refs {
		group.Go(func() error {
			m, err := r.Manifest(ctx, ref)
			if IsNotFound(err) {
				return nil
			}
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			out[ref] = m
			return nil
		})
	}
	return out, group.Wait()
}
