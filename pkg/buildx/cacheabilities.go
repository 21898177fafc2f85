package buildx

import (
	"context"
	"errors"
	"time"

	"github.com/docker/buildx/driver"
	"github.com/moby/buildkit/client"
)

// CacheAbilities are what matters of a builder to those who choose caches for it.
type CacheAbilities struct {
	Name, Driver string
	// Version is that of BuildKit; empty where the builder doesn't say.
	Version string
	// Exports tells that it can export other caches than inline ones.
	Exports bool
	Nodes   int
	// Platform is that of the first node's machine; empty where it doesn't say.
	Platform string
}

// CacheAbilities asks a builder that runs.
func (l *Live) CacheAbilities(ctx context.Context) (CacheAbilities, error) {
	can, err := l.builder.abilities(ctx)
	if err != nil {
		return CacheAbilities{}, err
	}
	out := CacheAbilities{
		Name: l.builder.Name, Driver: l.builder.Driver, Version: l.Version, Exports: can.features[driver.CacheExport], Nodes: len(l.builder.nodes),
	}
	if l.OS != "" {
		out.Platform = l.OS + "/" + l.Arch
	}
	return out, nil
}

// Keeps tells whether the builder has results from before a time.
func (l *Live) Keeps(ctx context.Context, before time.Time) (bool, error) {
	for _, c := range l.clients {
		records, err := c.DiskUsage(ctx)
		if err != nil {
			return false, err
		}
		for _, r := range records {
			// What BuildKit brings along itself is no result.
			if r.CreatedAt.Before(before) && r.RecordType != client.UsageRecordTypeInternal {
				return true, nil
			}
		}
	}
	return false, nil
}

// Running connects to the builder, and starts it where it doesn't run. What it takes to start one is shown as in a build.
func (b *Builder) Running(ctx context.Context, o BuildOptions) (*Live, error) {
	l, err := b.Live(ctx)
	if !errors.Is(err, ErrNotRunning) {
		return l, err
	}
	for _, n := range b.nodes {
		if n.Driver == nil {
			continue
		}
		if _, err := running(ctx, n, o); err != nil {
			return nil, err
		}
	}
	return b.Live(ctx)
}
