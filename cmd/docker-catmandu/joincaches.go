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

// joinCaches makes one cache of each set that builds would import together. Where that can't be done the builds import them one by
// one, as they would have; what is wrong with a registry is said when the builds use it.
func (a *app) joinCaches(ctx context.Context, s *cache.Settings, builder string, wait time.Duration) {
	joins := s.Joins()
	if len(joins) == 0 || a.registries == nil {
		return
	}
	hosts, err := a.registries(builder)
	if err != nil {
		return
	}
	if wait <= 0 {
		wait = joinWait
	}
	repository, err := registry.Open(joins[0].Repository, hosts, wait)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime*wait)
	defer cancel()
	var all sync.WaitGroup
	made := make([]joined, len(joins))
	for i, j := range joins {
		all.Go(func() { made[i] = joinOne(ctx, repository, j) })
	}
	all.Wait()
	for i, j := range joins {
		if made[i].ref != "" {
			s.Join(j, made[i].ref, made[i].found)
		}
	}
}

// joined is what to import: a tag, or a tag with a digest; empty where nothing was joined.
type joined struct {
	ref   string
	found []string
}

func joinOne(ctx context.Context, from *registry.Repository, j cache.Join) joined {
	caches, err := readCaches(ctx, from, j.Tags)
	if err != nil {
		return joined{}
	}
	var out joined
	var there []*cacheconfig.Cache
	for i, c := range caches {
		if c != nil {
			out.found, there = append(out.found, j.Tags[i]), append(there, c)
		}
	}
	if len(there) == 0 {
		return out
	}
	whole := cacheconfig.Join(there)
	if i := slices.IndexFunc(there, whole.IsIn); i >= 0 {
		out.ref = out.found[i] // it has all that the others have
		return out
	}
	dgst, err := pushCache(ctx, from, j.Tag, whole)
	if err == nil && dgst != "" {
		out.ref = j.Tag + "@" + dgst
	}
	return out
}

// readCaches reads caches by their tags; nil is one that is not there.
func readCaches(ctx context.Context, from *registry.Repository, tags []string) ([]*cacheconfig.Cache, error) {
	out := make([]*cacheconfig.Cache, len(tags))
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
			out[i], err = cacheconfig.Read(manifest.Bytes, text)
			return err
		})
	}
	return out, group.Wait()
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
