package session

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
)

const (
	// changeP is the probability of a change by chance below which one is told, leastChange how great it must be. They are strict,
	// for nobody looks at a chart that cries often.
	changeP     = 0.001
	leastChange = 0.05
	// changeWindow bounds the search, which takes time by the square.
	changeWindow = 400
)

// Trend is a series over the sessions of a project, or the size of an image.
type Trend struct {
	Case
	// Metric is wall, cpu or size.
	Metric string  `json:"metric"`
	Points []Point `json:"points"`
}

// Point is what one session says.
type Point struct {
	ID       string    `json:"id"`
	Revision string    `json:"revision,omitempty"`
	Started  time.Time `json:"started"`
	Median   float64   `json:"median"`
	Lo       float64   `json:"lo"`
	Hi       float64   `json:"hi"`
	Noise    float64   `json:"noise"`
	// Rate is the share that the cache saved, absent where it was not measured; Bytes is the image's, 0 where it is not known.
	Rate  *float64 `json:"rate,omitempty"`
	Bytes int64    `json:"bytes,omitempty"`
	// Comparable is false for another machine or other settings: no line joins it with the others.
	Comparable bool `json:"comparable"`
	// Change is set where a change begins, as a share: 0.2 for a fifth more than before.
	Change *float64 `json:"change,omitempty"`
	// Accepted tells that the epoch of the series begins here.
	Accepted bool `json:"accepted,omitempty"`
}

// Trends returns what became of every series over the sessions. Comparable are those that compare with like, by default the last
// one.
func (r Rules) Trends(sessions []*Session, like *Session) []Trend {
	sessions = slices.Clone(sessions)
	sortByStart(sessions)
	if like == nil && len(sessions) > 0 {
		like = sessions[len(sessions)-1]
	}
	b := trends{Rules: r, like: like, at: map[trendKey]int{}}
	for _, s := range sessions {
		with := Comparable(like, s, r.Allow)
		for _, series := range s.heads() {
			if len(series.Values) > 0 {
				b.add(trendKey{series.Case, series.Metric}, b.point(s, series, with))
			}
		}
		for _, size := range finals(s) {
			b.add(trendKey{size.Case, Size}, sizePoint(s, size.bytes, with))
		}
	}
	for i := range b.all {
		b.mark(&b.all[i])
	}
	slices.SortFunc(b.all, func(a, b Trend) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scenario, b.Scenario), cmp.Compare(a.Metric, b.Metric))
	})
	return b.all
}

type trendKey struct {
	Case
	metric string
}

// trends is what Trends has so far.
type trends struct {
	Rules
	like *Session
	all  []Trend
	at   map[trendKey]int
}

func (b *trends) add(k trendKey, p Point) {
	i, ok := b.at[k]
	if !ok {
		i = len(b.all)
		b.at[k] = i
		b.all = append(b.all, Trend{Case: k.Case, Metric: k.metric})
	}
	b.all[i].Points = append(b.all[i].Points, p)
}

func (b *trends) point(s *Session, series Series, with Comparability) Point {
	p := Point{
		ID: s.ID, Revision: revision(s), Started: s.Started,
		Median: series.Median, Lo: series.Lo, Hi: series.Hi, Noise: series.Noise,
		Comparable: with.Times != No && apart(b.like, s, series.Case, series.Metric) == "",
	}
	if i := slices.IndexFunc(s.Cache, func(c Cache) bool { return c.Case == series.Case }); i >= 0 {
		rate := s.Cache[i].saved()
		p.Rate = &rate
	}
	for _, size := range finals(s) {
		if size.Service == series.Service && size.Kind == series.Kind {
			p.Bytes = size.bytes
		}
	}
	return p
}

func sizePoint(s *Session, bytes int64, with Comparability) Point {
	v := float64(bytes)
	return Point{
		ID: s.ID, Revision: revision(s), Started: s.Started,
		Median: v, Lo: v, Hi: v, Bytes: bytes, Comparable: with.Sizes == Yes,
	}
}

// final is the image of a service, of its biggest platform.
type final struct {
	Case
	bytes int64
}

func finals(s *Session) []final {
	var all []final
	for _, i := range s.ImagesOf(Head) {
		if !i.Final {
			continue
		}
		c := Case{Service: i.Service, Kind: i.Kind, Version: Head}
		at := slices.IndexFunc(all, func(f final) bool { return f.Case == c })
		if at < 0 {
			all = append(all, final{c, i.Bytes})
			continue
		}
		all[at].bytes = max(all[at].bytes, i.Bytes)
	}
	return all
}

// mark finds the changes among the comparable points, and the accepted one.
func (b *trends) mark(t *Trend) {
	var at []int
	var medians []float64
	for i, p := range t.Points {
		if p.Comparable {
			at, medians = append(at, i), append(medians, p.Median)
		}
	}
	if t.Metric == Size {
		for i := 1; i < len(medians); i++ {
			if b.Effects.sign(Size, medians[i], medians[i-1]) != 0 {
				t.Points[at[i]].change(quotient(medians[i], medians[i-1]))
			}
		}
		return
	}
	old := max(0, len(medians)-changeWindow)
	for _, c := range sample.Changes(medians[old:], changeP, leastChange) {
		t.Points[at[old+c.Index]].change(c.Ratio)
	}
	if epoch := b.Epochs[EpochKey(t.Case)]; epoch != "" {
		i := slices.IndexFunc(t.Points, func(p Point) bool { return strings.HasPrefix(p.Revision, epoch) })
		if i >= 0 {
			t.Points[i].Accepted = true
		}
	}
}

func (p *Point) change(ratio float64) {
	share := ratio - 1
	p.Change = &share
}
