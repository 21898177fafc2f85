package session

import "github.com/docker-catmandu/docker-catmandu/pkg/sample"

// Summarise makes a series of the values of a metric, which stay in their order. It gates when a regression of it fails the
// session.
func Summarise(c Case, metric string, values []float64, gate bool) Series {
	s := Series{
		Case: c, Metric: metric, Unit: "s", Values: append([]float64{}, values...), Gate: gate,
		Median: sample.Median(values), Noise: sample.Noise(values), Outliers: sample.Outliers(values),
	}
	s.Lo, s.Hi, s.Level = sample.Interval(values, sample.Level)
	return s
}
