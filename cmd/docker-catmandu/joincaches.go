package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
	"github.com/docker-catmandu/docker-catmandu/pkg/cacheconfig"
	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// joinWait is how long a registry may take to answer, if nothing else is said.
const joinWait = 5 * time.Second

// joinTime is how long all of it may take, for each second that a cache may take to answer: a build can do without.
const joinTime = 2

// joins are the caches of a build that are imported as one.
type joins struct {
	all  []cache.Join
	from *registry.Repository
	wait time.Duration
}

// newJoins is nil where there is nothing to join, or it can't be done.
func (a *app) newJoins(s *cache.Settings, builder string, wait time.Duration) *joins {
	j := &joins{all: s.Joins(), wait: wait}
	if len(j.all) == 0 || a.registries == nil {
		return nil
	}
	hosts, err := a.registries(builder)
	if err != nil {
		return nil
	}
	if j.wait <= 0 {
		j.wait = joinWait
	}
	if j.from, err = registry.Open(j.all[0].Repository, hosts, j.wait); err != nil {
		return nil
	}
	return j
}

// before makes one cache of each set that builds would import together. Where that can't be done the builds import them one by one, as
// they would have; what is wrong with a registry is said when the builds use it.
func (j *joins) before(ctx context.Context, s *cache.Settings) {
	if j == nil {
		return
	}
	made := j.make(ctx, j.all)
	for i, one := range j.all {
		if made[i].ref != "" {
			s.Join(one, made[i].ref, made[i].found)
		}
	}
}

// after makes them anew with what the build exported, for those who read but can't write.
func (j *joins) after(ctx context.Context) {
	if j == nil {
		return
	}
	j.make(ctx, slices.DeleteFunc(slices.Clone(j.all), func(one cache.Join) bool { return !one.Again }))
}

func (j *joins) make(ctx context.Context, list []cache.Join) []joined {
	ctx, cancel := context.WithTimeout(ctx, joinTime*j.wait)
	defer cancel()
	made := make([]joined, len(list))
	var all sync.WaitGroup
	for i, one := range list {
		all.Go(func() { made[i] = joinOne(ctx, j.from, one) })
	}
	all.Wait()
	return made
}

// joined is what to import: a tag, or a tag with a digest; empty where nothing was joined.
type joined struct {
	ref   string
	found []string
}

// storedCache is a cache in a repository, by its tag.
type storedCache struct {
	*cacheconfig.Cache
	tag, digest string
}

func joinOne(ctx context.Context, from *registry.Repository, j cache.Join) joined {
	caches, err := readCaches(ctx, from, j.Tags)
	if err != nil {
		return joined{}
	}
	var out joined
	var there []*cacheconfig.Cache
	for _, c := range caches {
		out.found, there = append(out.found, c.tag), append(there, c.Cache)
	}
	if len(there) == 0 {
		return out
	}
	whole := cacheconfig.Join(there)
	if i := slices.IndexFunc(there, whole.IsIn); i >= 0 {
		out.ref = out.found[i] // it has all that the others have
		return out
	}
	if j.Tag == "" {
		out.ref = findJoint(ctx, from, out.found, there)
		return out
	}
	dgst, err := pushCache(ctx, from, j.Tag, whole)
	if err == nil && dgst != "" {
		out.ref = j.Tag + "@" + dgst
	}
	return out
}

// findJoint is a cache that others joined, and that has all that these have; empty where there is none.
func findJoint(ctx context.Context, from *registry.Repository, tags []string, there []*cacheconfig.Cache) string {
	made, err := readCaches(ctx, from, cache.JointTags(tags))
	if err != nil {
		return ""
	}
	for _, c := range made {
		if cacheconfig.Join(append(slices.Clone(there), c.Cache)).IsIn(c.Cache) {
			return c.tag + "@" + c.digest
		}
	}
	return ""
}

// readCaches reads those caches that there are, in the order of their tags.
func readCaches(ctx context.Context, from *registry.Repository, tags []string) ([]storedCache, error) {
	out := make([]storedCache, len(tags))
	group, ctx := errgroup.WithContext(ctx)
	for i, tag := range tags {
		group.Go(func() error {
			manifest, err := from.Text(ctx, tag)
			if registry.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return err
			}
			config, err := cacheconfig.ConfigOf(manifest.Bytes)
			if err != nil {
				return err
			}
			text, err := from.Blob(ctx, config.Digest)
			if err != nil {
				return err
			}
			c, err := cacheconfig.Read(manifest.Bytes, text)
			out[i] = storedCache{c, tag, manifest.Digest}
			return err
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(out, func(c storedCache) bool { return c.Cache == nil }), err
}

// pushCache writes a cache whose layers the repository has, and returns its digest; it is empty for one that BuildKit would not read.
func pushCache(ctx context.Context, to *registry.Repository, tag string, c *cacheconfig.Cache) (string, error) {
	manifest, config, err := c.Marshal()
	if err != nil || max(len(manifest), len(config)) > cacheconfig.Most {
		return "", err
	}
	if err := to.PutBlob(ctx, config); err != nil {
		return "", err
	}
	return digest.FromBytes(manifest).String(), to.PutManifest(ctx, tag, ocispecs.MediaTypeImageManifest, manifest)
}
