package targets

import "github.com/docker-catmandu/docker-catmandu/pkg/compose"

// NeedsSiblings tells whether the rule may look at Compose files beside the loaded ones: it does so for kinds.
func (r Request) NeedsSiblings() bool {
	if isKind(r.Target) {
		return true
	}
	for _, stage := range r.Services {
		if isKind(stage) {
			return true
		}
	}
	return false
}

// Stages returns the names of the stages of every service whose Dockerfile can be read, by service.
func Stages(p *compose.Project) map[string][]string {
	read, out := newReader(p.Dir), map[string][]string{}
	for _, s := range p.Services {
		if src, err := read.source(s); err == nil && src.Unread == "" {
			out[s.Name] = src.Names()
		}
	}
	return out
}
