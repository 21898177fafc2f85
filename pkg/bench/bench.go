// Package bench measures builds: which is run when, how often, and what came of it.
//
// Everything is measured in rounds, each case once in a round and in random order, so that whatever else changes with time
// meets all of them alike. It knows nothing of Docker: a function runs a case once. What runs are worth is package sample's to say.
package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Options say what is measured, and for how long.
type Options struct {
	// Cases are all that a round has. Where there are two versions, each case is there in both.
	Cases []session.Case
	// Rounds is how many rounds are made; 0 leaves it to what the values say.
	Rounds int
	// MaxTime ends the session when the next round would pass it; 0 is for ever. The warm-up and one round are always made.
	MaxTime time.Duration
	// Seed makes the order of the runs.
	Seed uint64
	// Effects are the least differences that count, by metric.
	Effects map[string]sample.Effect
	// Erratic are services that never fail the session.
	Erratic []string
	// Build runs a case once. An error ends the session: it is for what no other run could do either.
	Build func(ctx context.Context, c session.Case, round int) (session.Run, error)
	// Progress is told before each run; nil for nobody.
	Progress func(Progress)
	// Now is the clock.
	Now func() time.Time
}

// Progress is where a session is.
type Progress struct {
	Case session.Case
	// Round counts from 1, 0 is the warm-up. Rounds is how many there will be as far as is known.
	Round, Rounds int
	// Confirming tells that suspected regressions are measured afresh.
	Confirming bool
	// Done and Runs count runs.
	Done, Runs int
	Elapsed    time.Duration
	// Left is what the rest will take; 0 during the warm-up.
	Left time.Duration
}

// Outcome is all that was measured.
type Outcome struct {
	Runs []session.Run
	// OutOfTime tells that less was measured than should have been.
	OutOfTime bool
}

// defaultRounds is for one version, of which nothing is asked but how long it takes: with fewer values the interval of a median
// is the range, with more it gets narrower by little.
const defaultRounds = 5

// givenUp is how many runs of a case are made while none was valid.
const givenUp = 3

// Run measures. What was measured until an error is in the outcome.
func Run(ctx context.Context, o Options) (*Outcome, error) {
	s := &state{Options: o, rand: rand.New(rand.NewPCG(o.Seed, 0)), cost: map[session.Case][]time.Duration{}, out: &Outcome{}}
	if s.Now == nil {
		s.Now = time.Now
	}
	if err := checkPair(o.Cases); err != nil {
		return s.out, err
	}
	s.began = s.Now()
	err := s.measure(ctx)
	return s.out, err
}

// state is a session that is running.
type state struct {
	Options
	rand  *rand.Rand
	out   *Outcome
	began time.Time
	// cost is what runs of a case took, with all that goes before them.
	cost map[session.Case][]time.Duration
	// round is the last that was made.
	round int
}

func (s *state) measure(ctx context.Context) error {
	if err := s.make(ctx, s.Cases, plan{round: 0, rounds: s.expected()}); err != nil {
		return err
	}
	cases := s.pending(false)
	for len(cases) > 0 {
		if err := s.next(ctx, cases, false); err != nil || s.out.OutOfTime {
			return err
		}
		cases = s.pending(false)
	}
	for cases = s.pending(true); len(cases) > 0; cases = s.pending(true) {
		if err := s.next(ctx, cases, true); err != nil || s.out.OutOfTime {
			return err
		}
	}
	return nil
}

// next makes one more round, if there is time.
func (s *state) next(ctx context.Context, cases []session.Case, fresh bool) error {
	if s.MaxTime > 0 && s.round > 0 && s.Now().Sub(s.began)+s.estimate(cases) > s.MaxTime {
		s.out.OutOfTime = true
		return nil
	}
	s.round++
	return s.make(ctx, cases, plan{round: s.round, rounds: max(s.expected(), s.round), fresh: fresh})
}

// plan is a round.
type plan struct {
	round, rounds int
	fresh         bool
}

// make runs each case once, in random order.
func (s *state) make(ctx context.Context, cases []session.Case, p plan) error {
	cases = slices.Clone(cases)
	s.rand.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
	for i, c := range cases {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.tell(c, p, cases[i:])
		before := s.Now()
		r, err := s.Build(ctx, c, p.round)
		if err != nil {
			return err
		}
		s.cost[c] = append(s.cost[c], s.Now().Sub(before))
		r.Case, r.Index, r.Round, r.Fresh = c, len(s.out.Runs), p.round, p.fresh
		s.out.Runs = append(s.out.Runs, r)
	}
	return nil
}

func (s *state) tell(c session.Case, p plan, rest []session.Case) {
	if s.Progress == nil {
		return
	}
	later := max(0, p.rounds-p.round)
	t := Progress{
		Case: c, Round: p.round, Rounds: p.rounds, Confirming: p.fresh, Done: len(s.out.Runs), Elapsed: s.Now().Sub(s.began),
		Runs: len(s.out.Runs) + len(rest) + later*len(s.Cases),
	}
	if p.round > 0 {
		t.Left = s.estimate(rest) + time.Duration(later)*s.estimate(s.Cases)
	}
	s.Progress(t)
}

// estimate is what running each of those cases once will take. The warm-up counts only while there is nothing else: it also brings
// what later runs find there.
func (s *state) estimate(cases []session.Case) time.Duration {
	var total time.Duration
	for _, c := range cases {
		took := s.cost[c]
		if len(took) > 1 {
			took = took[1:]
		}
		var sum time.Duration
		for _, d := range took {
			sum += d
		}
		if len(took) > 0 {
			total += sum / time.Duration(len(took))
		}
	}
	return total
}

// expected is how many rounds there will be if nothing unexpected is found.
func (s *state) expected() int {
	switch {
	case s.Rounds > 0:
		return s.Rounds
	case s.twoVersions():
		return sample.Looks[0]
	}
	return defaultRounds
}

func (s *state) twoVersions() bool {
	return slices.ContainsFunc(s.Cases, func(c session.Case) bool { return c.Version == session.Base })
}

// Bounds are the fewest and the most runs that a session makes, with the warm-up.
func Bounds(cases []session.Case, rounds int) (least, most int) {
	s := &state{Options: Options{Cases: cases, Rounds: rounds}}
	least = len(cases) * (1 + s.expected())
	most = least
	if rounds == 0 && s.twoVersions() {
		most = len(cases) * (1 + 2*sample.Looks[len(sample.Looks)-1])
	}
	return least, most
}

// checkPair says that a base has no head.
func checkPair(cases []session.Case) error {
	for _, c := range cases {
		other := c
		other.Version = session.Head
		if c.Version == session.Base && !slices.Contains(cases, other) {
			return fmt.Errorf("%s: there is nothing to compare it with", c.Name())
		}
	}
	return nil
}
