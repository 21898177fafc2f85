package otlp

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// metricsOf are gauges of the end of the session. A time has three points: its median and the bounds of that.
func metricsOf(s *session.Session) *metricdata.ResourceMetrics {
	var gauges []metricdata.Metrics
	add := func(m metricdata.Metrics, n int) {
		if n > 0 {
			gauges = append(gauges, m)
		}
	}
	for _, x := range []struct{ metric, name, help string }{
		{session.Wall, "catmandu.build.duration", "Seconds of a build"},
		{session.CPU, "catmandu.build.cpu", "CPU seconds of a build"},
	} {
		points := timePoints(s, x.metric)
		add(gauge(x.name, x.help, "s", points), len(points))
	}
	var steps, times []metricdata.DataPoint[float64]
	for _, c := range s.Cache {
		attrs := set(caseAttributes(c.Case))
		steps = append(steps, point(s.Ended, c.Rate, attrs))
		if c.TimeRate != nil {
			times = append(times, point(s.Ended, *c.TimeRate, attrs))
		}
	}
	add(gauge("catmandu.build.cache.step_ratio", "Share of the steps that came from the cache", "1", steps), len(steps))
	add(gauge("catmandu.build.cache.time_ratio", "Share of the cold seconds that the cache saved", "1", times), len(times))
	var sizes []metricdata.DataPoint[int64]
	for _, i := range s.Images {
		sizes = append(sizes, point(s.Ended, i.Bytes, set([]attribute.KeyValue{
			attribute.String("catmandu.service", i.Service), attribute.String("catmandu.kind", i.Kind), attribute.String("catmandu.version", i.Version),
			attribute.String("catmandu.stage", i.Stage), attribute.String("catmandu.platform", i.Platform), attribute.Bool("catmandu.final", i.Final),
		})))
	}
	add(gauge("catmandu.image.size", "Bytes that a pull of a stage brings", "By", sizes), len(sizes))
	return &metricdata.ResourceMetrics{Resource: resourceOf(s), ScopeMetrics: []metricdata.ScopeMetrics{{
		Scope: instrumentation.Scope{Name: scope, Version: s.Tool.Version, SchemaURL: semconv.SchemaURL}, Metrics: gauges,
	}}}
}

func timePoints(s *session.Session, metric string) []metricdata.DataPoint[float64] {
	var out []metricdata.DataPoint[float64]
	for _, x := range s.Series {
		if x.Metric != metric || len(x.Values) == 0 {
			continue
		}
		for _, v := range []struct {
			of    string
			value float64
		}{{"median", x.Median}, {"low", x.Lo}, {"high", x.Hi}} {
			attrs := append(caseAttributes(x.Case), attribute.String("catmandu.statistic", v.of), attribute.Int("catmandu.runs", len(x.Values)))
			out = append(out, point(s.Ended, v.value, set(attrs)))
		}
	}
	return out
}

func gauge[N int64 | float64](name, help, unit string, points []metricdata.DataPoint[N]) metricdata.Metrics {
	return metricdata.Metrics{Name: name, Description: help, Unit: unit, Data: metricdata.Gauge[N]{DataPoints: points}}
}

func point[N int64 | float64](at time.Time, v N, attrs attribute.Set) metricdata.DataPoint[N] {
	return metricdata.DataPoint[N]{Attributes: attrs, Time: at, Value: v}
}

func set(attrs []attribute.KeyValue) attribute.Set { return attribute.NewSet(known(attrs)...) }
