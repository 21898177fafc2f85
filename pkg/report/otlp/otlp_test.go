package otlp

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// fakeCollector keeps what is sent to it.
type fakeCollector struct {
	mu      sync.Mutex
	spans   []*traces.Span
	metrics []*metrics.Metric
	// resources are those of both, in the order of their coming.
	resources []map[string]string
	requests  []*http.Request
	// answer is what is sent instead of a success.
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func (c *fakeCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r)
	if c.answer != nil && c.answer(w, r) {
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	data, err := io.ReadAll(body)
	if err == nil {
		err = c.take(r.URL.Path, data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (c *fakeCollector) take(path string, data []byte) error {
	switch {
	case strings.HasSuffix(path, "/v1/traces"):
		var request coltraces.ExportTraceServiceRequest
		if err := proto.Unmarshal(data, &request); err != nil {
			return err
		}
		for _, rs := range request.ResourceSpans {
			c.resources = append(c.resources, texts(rs.Resource.Attributes))
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
	case strings.HasSuffix(path, "/v1/metrics"):
		var request colmetrics.ExportMetricsServiceRequest
		if err := proto.Unmarshal(data, &request); err != nil {
			return err
		}
		for _, rm := range request.ResourceMetrics {
			c.resources = append(c.resources, texts(rm.Resource.Attributes))
			for _, sm := range rm.ScopeMetrics {
				c.metrics = append(c.metrics, sm.Metrics...)
			}
		}
	default:
		return fmt.Errorf("nothing is at %s", path)
	}
	return nil
}

// texts are attributes as text.
func texts(attrs []*v1.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range attrs {
		switch v := a.Value.Value.(type) {
		case *v1.AnyValue_StringValue:
			out[a.Key] = v.StringValue
		case *v1.AnyValue_BoolValue:
			out[a.Key] = fmt.Sprint(v.BoolValue)
		case *v1.AnyValue_IntValue:
			out[a.Key] = fmt.Sprint(v.IntValue)
		case *v1.AnyValue_DoubleValue:
			out[a.Key] = fmt.Sprint(v.DoubleValue)
		}
	}
	return out
}

func serve(t *testing.T, c *fakeCollector) string {
	t.Helper()
	for _, name := range []string{"TRACEPARENT", "TRACESTATE"} {
		t.Setenv(name, "")
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return server.URL
}

func fixture(t *testing.T, name string) *session.Session {
	t.Helper()
	f, err := os.Open("../testdata/" + name)
	assert.NilError(t, err)
	defer f.Close()
	s, err := session.Read(f)
	assert.NilError(t, err)
	return s
}

func TestTraces(t *testing.T) {
	c := &fakeCollector{}
	url := serve(t, c)
	t.Setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
	s := fixture(t, "session.json")
	assert.NilError(t, Send(t.Context(), url+"/", s))

	steps := 0
	for _, r := range s.Runs {
		steps += len(r.Steps)
	}
	assert.Equal(t, len(c.spans), 1+len(s.Runs)+steps)
	byID := map[string]*traces.Span{}
	for _, x := range c.spans {
		byID[string(x.SpanId)] = x
		assert.Equal(t, fmt.Sprintf("%x", x.TraceId), "0af7651916cd43dd8448eb211c80319c")
	}
	var depths [3]int
	var invalid, links int
	for _, x := range c.spans {
		depth := 0
		for p := byID[string(x.ParentSpanId)]; p != nil; p = byID[string(p.ParentSpanId)] {
			depth++
			assert.Assert(t, p.StartTimeUnixNano <= x.StartTimeUnixNano && x.EndTimeUnixNano <= p.EndTimeUnixNano, "%s is not within %s", x.Name, p.Name)
		}
		depths[depth]++
		links += len(x.Links)
		if x.Status.GetCode() == traces.Status_STATUS_CODE_ERROR {
			invalid++
			assert.Equal(t, texts(x.Attributes)["cicd.pipeline.task.run.result"], "failure")
			assert.Assert(t, strings.Contains(x.Status.Message, "had no effect"))
		}
	}
	assert.DeepEqual(t, depths, [3]int{1, len(s.Runs), steps})
	assert.Equal(t, invalid, 1)
	root := c.spans[slices.IndexFunc(c.spans, func(x *traces.Span) bool { return x.Name == "bench" })]
	assert.Equal(t, fmt.Sprintf("%x", root.ParentSpanId), "b7ad6b7169203331")
	after := 0
	for _, r := range s.Runs {
		for _, x := range r.Steps {
			after += len(x.After)
		}
	}
	assert.Equal(t, links, after)
	assert.Assert(t, links > 0)
	resource := c.resources[0]
	for key, want := range map[string]string{
		"service.name": "docker-catmandu", "vcs.ref.head.revision": s.VCS.Revision, "vcs.ref.base.revision": s.VCS.Base,
		"cicd.pipeline.run.id": "1812", "catmandu.project": "shop",
	} {
		assert.Equal(t, resource[key], want, key)
	}
}

func TestStepAttributes(t *testing.T) {
	c := &fakeCollector{}
	url := serve(t, c)
	s := fixture(t, "session.json")
	s.Runs = slices.DeleteFunc(s.Runs, func(r session.Run) bool {
		return r.Service != "api" || r.Scenario != "source" || r.Round != 1 || r.Kind != "prod"
	})[:1]
	assert.NilError(t, Send(t.Context(), url, s))
	for _, want := range s.Runs[0].Steps {
		i := slices.IndexFunc(c.spans, func(x *traces.Span) bool { return x.Name == want.Name })
		assert.Assert(t, i >= 0, want.Name)
		got := texts(c.spans[i].Attributes)
		assert.Equal(t, got["catmandu.step.cached"], fmt.Sprint(want.Cached))
		assert.Equal(t, got["code.file.path"], want.File)
		assert.Equal(t, got["code.line.number"], fmt.Sprint(want.Line))
	}
	i := slices.IndexFunc(c.spans, func(x *traces.Span) bool { return x.Name == "build api prod source" })
	assert.Assert(t, i >= 0)
	got := texts(c.spans[i].Attributes)
	assert.Equal(t, got["cicd.pipeline.task.name"], "build api prod source")
	assert.Equal(t, got["cicd.pipeline.task.type"], "build")
	assert.Equal(t, got["cicd.pipeline.task.run.result"], "success")
	took := time.Duration(c.spans[i].EndTimeUnixNano - c.spans[i].StartTimeUnixNano)
	assert.Assert(t, (took-time.Duration(s.Runs[0].Wall*float64(time.Second))).Abs() < time.Microsecond)
}

func TestMetrics(t *testing.T) {
	c := &fakeCollector{}
	url := serve(t, c)
	s := fixture(t, "session.json")
	assert.NilError(t, Send(t.Context(), url+"/some/path", s))
	units := map[string]string{}
	var values int
	for _, m := range c.metrics {
		units[m.Name] = m.Unit
		for _, p := range m.GetGauge().DataPoints {
			assert.Equal(t, p.TimeUnixNano, uint64(s.Ended.UnixNano()))
			attrs := texts(p.Attributes)
			if m.Name != "catmandu.build.cpu" || attrs["catmandu.statistic"] == "" {
				continue
			}
			i := slices.IndexFunc(s.Series, func(x session.Series) bool {
				return x.Metric == session.CPU && x.Service == attrs["catmandu.service"] && x.Kind == attrs["catmandu.kind"] &&
					x.Scenario == attrs["catmandu.scenario"] && x.Version == attrs["catmandu.version"]
			})
			assert.Assert(t, i >= 0)
			x := s.Series[i]
			assert.Equal(t, p.GetAsDouble(), map[string]float64{"median": x.Median, "low": x.Lo, "high": x.Hi}[attrs["catmandu.statistic"]])
			values++
		}
	}
	assert.Equal(t, values, 3*len(s.Series)/2)
	assert.DeepEqual(t, units, map[string]string{
		"catmandu.build.duration": "s", "catmandu.build.cpu": "s", "catmandu.build.cache.step_ratio": "1", "catmandu.build.cache.time_ratio": "1",
		"catmandu.image.size": "By",
	})
	for _, r := range c.requests {
		assert.Assert(t, strings.HasPrefix(r.URL.Path, "/some/path/v1/"), r.URL.Path)
	}
}

// What is not known is left out, and what was not measured is no metric.
func TestMinimal(t *testing.T) {
	c := &fakeCollector{}
	url := serve(t, c)
	assert.NilError(t, Send(t.Context(), url, fixture(t, "minimal.json")))
	assert.Equal(t, len(c.spans), 1)
	assert.Equal(t, len(c.metrics), 1)
	for _, r := range c.resources {
		for key, v := range r {
			assert.Assert(t, v != "", key)
		}
	}
}

// The exporters tell failures only to a handler of the whole process, where nobody is: Send must return them. Nothing is tried
// twice.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name     string
		answer   func(w http.ResponseWriter, r *http.Request) bool
		want     []string
		requests int
	}{
		{"refused", func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return true
		}, []string{"OTLP traces to 127.0.0.1", "OTLP metrics to 127.0.0.1", "401", "who are you?"}, 2},
		{"busy", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "later", http.StatusServiceUnavailable)
			return true
		}, []string{"OTLP traces", "OTLP metrics", "later"}, 2},
		{"metrics alone", func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "metrics") {
				http.NotFound(w, r)
				return true
			}
			return false
		}, []string{"OTLP metrics", "404"}, 2},
		{"partly taken", func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "traces") {
				return false
			}
			data, _ := proto.Marshal(&coltraces.ExportTraceServiceResponse{PartialSuccess: &coltraces.ExportTracePartialSuccess{
				RejectedSpans: 3, ErrorMessage: "too old",
			}})
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = w.Write(data)
			return true
		}, []string{"OTLP traces", "too old"}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &fakeCollector{answer: test.answer}
			url := serve(t, c)
			err := Send(t.Context(), url, fixture(t, "minimal.json"))
			for _, want := range test.want {
				assert.ErrorContains(t, err, want)
			}
			assert.Equal(t, len(c.requests), test.requests)
		})
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	assert.ErrorContains(t, Send(t.Context(), server.URL, fixture(t, "minimal.json")), "refused")
}

// A collector that takes a request and never answers is given up with the context of the caller.
func TestGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &fakeCollector{answer: func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the client went away
		cancel()
		<-r.Context().Done()
		return true
	}}
	url := serve(t, c)
	assert.ErrorIs(t, Send(ctx, url, fixture(t, "minimal.json")), context.Canceled)
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	assert.ErrorIs(t, Send(ctx, url, fixture(t, "minimal.json")), context.DeadlineExceeded)
}

func TestCollector(t *testing.T) {
	for _, test := range []struct{ endpoint, env, want, wrong string }{
		{"http://a:1", "http://b:2", "http://a:1", ""},
		{"", "https://b:2/c", "https://b:2/c", ""},
		{"", "", local, ""},
		{"a:4318", "", "", "want a URL such as http://localhost:4318"},
		{"grpc://a:4317", "", "", "want a URL"},
		{"http://user:secret@a:1", "", "", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"user:secret@a:1", "", "", `"a:1"`},
		{"http://a:1?key=secret", "", "", "no query"},
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", test.env)
		u, err := collector(test.endpoint)
		if test.wrong != "" {
			assert.ErrorContains(t, err, test.wrong)
			assert.Assert(t, !strings.Contains(err.Error(), "secret"))
			continue
		}
		assert.NilError(t, err)
		assert.Equal(t, u.String(), test.want)
	}
}
