package buildx

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// sightings are what BuildKit said of vertices.
type sightings struct {
	mu           sync.Mutex
	cached, made map[digest.Digest]bool
	// began is when the first was begun, by BuildKit's clock; zero when none was.
	began time.Time
}

func newSightings() *sightings {
	return &sightings{cached: map[digest.Digest]bool{}, made: map[digest.Digest]bool{}}
}

func (s *sightings) add(status *client.SolveStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range status.Vertexes {
		if v.Started != nil && (s.began.IsZero() || v.Started.Before(s.began)) {
			s.began = *v.Started
		}
		switch {
		case v.Cached:
			s.cached[v.Digest] = true
		case v.Started != nil && !s.cached[v.Digest]: // what was made is in the cache of the next job
			s.made[v.Digest] = true
		}
	}
}

func (s *sightings) isCached(d digest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cached[d]
}

// isMade tells whether a vertex that is made of others ran.
func (s *sightings) isMade(d digest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made[d]
}

// isBefore tells whether a time of BuildKit's is before all questions.
func (s *sightings) isBefore(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return at.Before(s.began)
}

// noResult is why a step is missing that BuildKit was asked for.
const noResult = "its result is not there"

// isFirst tells whether it is made of nothing, and may be asked for: an image, or a text of a Dockerfile.
func (n *node) isFirst() bool {
	return n.isImage() || n.op.GetFile() != nil && len(n.inputs) == 0
}

// isImage tells whether it is an image of a registry.
func (n *node) isImage() bool {
	return strings.HasPrefix(n.op.GetSource().GetIdentifier(), imageScheme)
}

// isOver tells whether one of its inputs is in a state.
func (n *node) isOver(state nodeState) bool {
	return slices.ContainsFunc(n.inputs, func(in edge) bool {
		return in.node.state == state || in.node.state == isUnknown && state == isBroken
	})
}

// miss notes that there is no result, and what would become of who wants one.
func (n *node) miss(why string) {
	switch n.why = why; {
	case n.isOver(isMissing):
		n.state = isMissing
	case n.isOver(isBroken):
		n.state = isBroken
	case n.isOver(isBarred):
		n.state = isBarred
	case n.op.GetExec() != nil:
		n.state = isBroken
	default:
		n.state = isMissing
	}
}

// judgeSources decides about what is asked for first.
func (p *probe) judgeSources() {
	for _, n := range p.graph.nodes {
		switch source := n.op.GetSource(); {
		case n.state != isUnknown:
		case n.isFirst():
			if n.state = isHit; !p.seen.isCached(n.vertex) {
				n.state, n.why = isMissing, noResult
			}
		case source == nil:
		case !n.isLocal():
			n.state, n.why = isMissing, "only fetching it would tell"
		case n.dir == "":
			n.state, n.why = isMissing, "its folder is not known"
		default:
			n.state = isBarred
		}
	}
}

// mayAsk tells whether a step can be asked for. It can when it can't be made; or when there is a record that looks like it.
func (p *probe) mayAsk(n *node) bool {
	switch n.op.Op.(type) {
	case *pb.Op_Exec, *pb.Op_File, *pb.Op_Merge, *pb.Op_Diff:
	default:
		n.miss("it is of a kind that can't be asked for")
		return false
	}
	if n.isOver(isBarred) && !n.isOver(isMissing) && !n.isOver(isBroken) || len(p.likely(n, p.before)) > 0 {
		return true
	}
	n.miss(noResult)
	return false
}

// Descriptions of records begin with these.
const (
	localDescription = "local source for "
	pulled           = "pulled from "
	imported         = "imported "
)

// likely are the records that look like results of a step.
func (p *probe) likely(n *node, among map[string]*client.UsageInfo) []string {
	var out, related []string
	for _, id := range p.looks.of(n) {
		r := among[id]
		if r == nil || !n.looksLike(r) {
			continue
		}
		out = append(out, id)
		if len(n.inputs) > 0 && slices.ContainsFunc(r.Parents, func(parent string) bool { return slices.Contains(n.inputs[0].node.records, parent) }) {
			related = append(related, id)
		}
	}
	if len(related) > 0 {
		out = related
	}
	return out
}

// looksLike tells whether a record may be of a step, by its description.
func (n *node) looksLike(r *client.UsageInfo) bool {
	switch source := n.op.GetSource(); {
	case n.op.GetExec() != nil:
		return isExec(r.Description) && strings.HasSuffix(r.Description, " from exec "+n.command()) ||
			strings.HasPrefix(r.Description, imported)
	case source != nil && n.isLocal():
		return false
	case source != nil: // whoever fetched the same image first gave its name
		_, pinned, ok := strings.Cut(source.Identifier, "@")
		return r.Description == pulled+strings.TrimPrefix(source.Identifier, imageScheme) ||
			ok && strings.HasPrefix(r.Description, pulled) && strings.HasSuffix(r.Description, "@"+pinned)
	}
	return !isExec(r.Description) && steps.Alike(r.Description) == steps.Alike(n.name)
}

// command is that of a RUN, as BuildKit writes it.
func (n *node) command() string { return strings.Join(n.op.GetExec().GetMeta().GetArgs(), " ") }

func isExec(description string) bool { return strings.HasPrefix(description, "mount ") }
