package trial

import "github.com/docker-catmandu/docker-catmandu/pkg/session"

// CacheOf is what the cache did in the median run of a case; cold are the runs of the same service and version that had none.
// FROM counts in neither rate. Steps of which no cold run knows count in the first alone, and are no part of the second. Wasted
// is for the caller to fill in: Prove finds that.
func CacheOf(runs, cold []session.Run) session.Cache {
	at := Median(runs)
	if at < 0 {
		if len(runs) > 0 {
			return session.Cache{Case: runs[0].Case}
		}
		return session.Cache{}
	}
	r := &runs[at]
	c := session.Cache{Case: r.Case, FirstMiss: firstMiss(r)}
	took := coldSeconds(cold)
	saved, total, known := 0.0, 0.0, false
	for _, i := range distinct(r.Steps) {
		s := &r.Steps[i]
		if isFrom(s) || !s.Cached && !ran(s) {
			continue
		}
		seconds, there := took.of(s)
		known, total = known || there, total+seconds
		c.Steps++
		if s.Cached {
			c.Hits++
			saved += seconds
		}
	}
	if c.Steps > 0 {
		c.Rate = float64(c.Hits) / float64(c.Steps)
	}
	if known && total > 0 {
		rate := saved / total
		c.TimeRate, c.SavedSeconds = &rate, saved
	}
	return c
}

// cold is how long steps take when nothing is cached.
type cold struct {
	byName map[key]float64
}

// coldSeconds are medians over the runs that count.
func coldSeconds(runs []session.Run) cold {
	values := map[key][]float64{}
	for _, i := range counted(runs) {
		for j := range runs[i].Steps {
			if s := &runs[i].Steps[j]; ran(s) {
				k := key{s.Service, s.Name}
				values[k] = append(values[k], s.Seconds)
			}
		}
	}
	c := cold{map[key]float64{}}
	for k, v := range values {
		c.byName[k] = median(v)
	}
	return c
}

func (c cold) of(s *session.Step) (seconds float64, known bool) {
	seconds, known = c.byName[key{s.Service, s.Name}]
	return seconds, known
}
