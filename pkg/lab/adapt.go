package lab

import (
	"fmt"
	"maps"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Adapt is a plan as the lab has to build it. In a namespace cache mounts are the lab's own, other ones for each cold build, which
// takes no result from the cache. Elsewhere it is the plan as it is.
func (l *Lab) Adapt(p *targets.Plan, cold bool) *targets.Plan {
	if l.kind != Namespace {
		return p
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	namespace := l.folder.note.Namespace.Namespace
	if cold {
		l.colds++
		namespace = fmt.Sprintf("%s%s%d", namespace, coldSuffix, l.colds)
	}
	return adapt(p, namespace, cold)
}

func adapt(p *targets.Plan, namespace string, cold bool) *targets.Plan {
	out := *p
	out.Targets = slices.Clone(p.Targets)
	for i := range out.Targets {
		b := &out.Targets[i].Build
		args := map[string]string{}
		maps.Copy(args, b.Args)
		args[mountNamespace] = namespace
		b.Args = args
		if cold {
			b.NoCache, b.NoCacheFilter = true, nil
		}
	}
	return &out
}
