package main

import (
	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// made are the records that were made when steps of current targets ran, by the digests of these, as ledgers say. Steps that were only
// seen to have a result are there without.
func (h *holdings) made(q *usage.Question) map[string][]string {
	out := map[string][]string{}
	for _, t := range q.Targets {
		for _, p := range q.Projects {
			past := forecast.Past{History: p.History, Builder: q.Builder, Records: []forecast.Record{}, Pulls: h.live.Driver() != "docker"}
			wanted := map[string]bool{}
			for _, d := range forecast.Descriptions(t.Graph, p.History, q.Builder) {
				wanted[d] = true
			}
			if len(wanted) == 0 {
				continue
			}
			for _, r := range q.Records {
				if wanted[r.Description] {
					past.Records = append(past.Records, forecast.Record{ID: r.ID, Description: r.Description, Created: r.Created})
				}
			}
			for digest, ids := range forecast.Known(t.Graph, past) {
				out[digest] = append(out[digest], ids...)
			}
		}
	}
	return out
}

// evidenceOf is what speaks for the results of steps, by the records that were made.
func evidenceOf(made func() map[string][]string) func(digest string) buildx.Evidence {
	return func(digest string) buildx.Evidence {
		switch records, seen := made()[digest]; {
		case len(records) > 0:
			return buildx.Made
		case seen:
			return buildx.Seen
		}
		return buildx.None
	}
}

// fromLedger is what is known of a builder that can't be asked: what steps made when they ran. Of others nothing is, as their
// results may be any that look like them.
func fromLedger(made map[string][]string, q *usage.Question) *buildx.Touched {
	out := &buildx.Touched{Records: map[string][]string{}, Missing: map[string]string{}}
	for _, t := range q.Targets {
		for _, s := range t.Graph.Steps {
			if ids := made[s.Digest]; len(ids) > 0 {
				out.Records[s.Digest] = ids
			} else {
				out.Missing[s.Digest] = "the builder can't be asked"
			}
		}
	}
	return out
}
