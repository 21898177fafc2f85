package targets

import "github.com/docker-catmandu/docker-catmandu/pkg/compose"

// NeedsVariants tells whether the rule compares the project with and without its override and with the Compose files
// beside it: it does so for kinds.
func (r Request) NeedsVariants() bool {
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
