package bench

import (
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// pending are the cases that need another round: fresh for the suspected regressions, that are measured once more by
// themselves. A pair of versions goes on or ends together.
func (s *state) pending(fresh bool) []session.Case {
	var out []session.Case
	for _, c := range s.Cases {
		if c.Version == session.Base {
			continue
		}
		base := c
		base.Version = session.Base
		paired := slices.Contains(s.Cases, base)
		if s.abandoned(c) || paired && s.abandoned(base) {
			continue
		}
		switch want := s.want(c, base, paired, fresh); {
		case want == 0:
		case paired:
			out = append(out, c, base)
		default:
			out = append(out, c)
		}
	}
	return out
}

// want is how many more valid runs a case needs at least; 0 is none.
func (s *state) want(c, base session.Case, paired, fresh bool) int {
	head := len(s.runs(c, fresh))
	if !paired || s.Rounds > 0 {
		if fresh {
			return s.confirmation(c, base, paired)
		}
		return max(0, s.expected()-head)
	}
	if fresh {
		return s.confirmation(c, base, paired)
	}
	metric := s.gateMetric(c, base)
	d := sample.Judge(s.values(c, metric, false), s.values(base, metric, false), s.Effects[metric])
	return max(0, d.Want-min(head, len(s.runs(base, false))))
}

// confirmation is how many more fresh runs a suspicion needs.
func (s *state) confirmation(c, base session.Case, paired bool) int {
	if !paired || slices.Contains(s.Erratic, c.Service) {
		return 0
	}
	metric := s.gateMetric(c, base)
	if d := sample.Judge(s.values(c, metric, false), s.values(base, metric, false), s.Effects[metric]); d.Verdict != sample.Slower {
		return 0
	}
	d := sample.Confirm(s.values(c, metric, true), s.values(base, metric, true), s.Effects[metric])
	return max(0, d.Want-min(len(s.runs(c, true)), len(s.runs(base, true))))
}

// abandoned tells that a case has only runs that are not what its scenario says, or too many of them.
func (s *state) abandoned(c session.Case) bool {
	valid, invalid := 0, 0
	for _, r := range s.out.Runs {
		if r.Case == c && r.Valid {
			valid++
		} else if r.Case == c {
			invalid++
		}
	}
	return invalid >= givenUp && invalid > valid
}

// runs are the valid runs of a case without the warm-up: those of the confirmation, or those before it.
func (s *state) runs(c session.Case, fresh bool) []session.Run { return s.out.valid(c, fresh) }

func (s *state) values(c session.Case, metric string, fresh bool) []float64 {
	return s.out.values(c, metric, fresh)
}

func (s *state) gateMetric(cases ...session.Case) string { return s.out.GateMetric(cases...) }

func (o *Outcome) valid(c session.Case, fresh bool) []session.Run {
	var out []session.Run
	for _, r := range o.Runs {
		if r.Case == c && r.Valid && r.Round > 0 && r.Fresh == fresh {
			out = append(out, r)
		}
	}
	return out
}

func (o *Outcome) values(c session.Case, metric string, fresh bool) []float64 {
	var out []float64
	for _, r := range o.valid(c, fresh) {
		out = append(out, value(r, metric))
	}
	return out
}

func value(r session.Run, metric string) float64 {
	if metric == session.CPU {
		return r.CPU
	}
	return r.Wall
}

// GateMetric is the metric by which cases are judged: CPU seconds, where all of their runs have them. They hardly change with what
// else a machine does; the time on the wall does.
func (o *Outcome) GateMetric(cases ...session.Case) string {
	found := false
	for _, r := range o.Runs {
		if r.Valid && slices.Contains(cases, r.Case) {
			found = true
			if r.CPU <= 0 {
				return session.Wall
			}
		}
	}
	if !found {
		return session.Wall
	}
	return session.CPU
}
