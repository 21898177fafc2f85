package usage

import (
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

// IgnoreLooks makes the last use of what current targets need that of a build where it was only a look at the builder, which is use
// to BuildKit. What no build of this project is known to have used counts from when it was made.
func (u *Usage) IgnoreLooks(q *Question) {
	var looks []span
	for _, p := range q.Projects {
		for _, l := range p.Looks {
			if l.Builder == q.Builder {
				looks = append(looks, span{l.From, l.To})
			}
		}
	}
	byStep, last := buildTimes(q)
	for i := range u.Items {
		item := &u.Items[i]
		if !item.needed || !looked(looks, item.LastUsed) {
			continue
		}
		var built time.Time
		for _, r := range item.Refs {
			built = later(built, byStep[Ref{Service: r.Service, Stage: r.Stage, Step: r.Step}])
		}
		if item.Kind == KindLocal {
			built = last
		}
		if built.Before(item.LastUsed) {
			item.LastUsed = built
		}
	}
}

func looked(looks []span, at time.Time) bool {
	for _, l := range looks {
		if l.has(at) {
			return true
		}
	}
	return false
}

// buildTimes are when builds of this project last used the results of current steps, and when the last one ended.
func buildTimes(q *Question) (byStep map[Ref]time.Time, last time.Time) {
	byKey := map[string]time.Time{}
	for i := range q.Projects {
		if p := &q.Projects[i]; p.Here && p.History != nil {
			for j := range p.History.Builds {
				if b := &p.History.Builds[j]; b.Builder.ID == q.Builder {
					last = later(last, noteUses(byKey, b))
				}
			}
		}
	}
	byStep = map[Ref]time.Time{}
	for _, t := range q.Targets {
		if t.Graph == nil {
			continue
		}
		for i := range t.Graph.Steps {
			s := &t.Graph.Steps[i]
			at := Ref{Service: t.Graph.Service, Stage: s.Stage, Step: s.Name}
			byStep[at] = later(byStep[at], byKey[s.Key])
		}
	}
	return byStep, last
}

// noteUses notes the steps with a key whose results a build used, and returns when it ended.
func noteUses(byKey map[string]time.Time, b *ledger.BuildRecord) time.Time {
	ended := b.Ended()
	for i := range b.Results {
		r := &b.Results[i]
		if r.Step.Key != "" && (r.Status == ledger.Ran || r.Status == ledger.Cached) {
			byKey[r.Step.Key] = later(byKey[r.Step.Key], ended)
		}
	}
	return ended
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
