package otlp

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// scope names what made the spans and metrics.
const scope = "github.com/docker-catmandu/docker-catmandu/pkg/report/otlp"

// resourceOf says what measured which revision in which job. Its names are those of the semantic conventions, whose version is
// part of it: those of CI/CD may still change.
func resourceOf(s *session.Session) *resource.Resource {
	attrs := []attribute.KeyValue{
		semconv.ServiceName("docker-catmandu"),
		semconv.OSTypeKey.String(s.Machine.OS),
		semconv.HostArchKey.String(s.Machine.Arch),
		semconv.HostCPUModelName(s.Machine.CPUModel),
		semconv.ServiceVersion(s.Tool.Version),
		attribute.String("catmandu.project", s.Project.Name),
		attribute.String("catmandu.session", s.ID),
		attribute.String("catmandu.builder.driver", s.Builder.Driver),
		attribute.String("catmandu.builder.buildkit", s.Builder.BuildKit),
	}
	if s.VCS != nil {
		attrs = append(attrs, semconv.VCSRefHeadRevision(s.VCS.Revision), semconv.VCSRefHeadName(s.VCS.Branch), semconv.VCSRefBaseRevision(s.VCS.Base))
	}
	if s.CI != nil {
		attrs = append(attrs, semconv.CICDPipelineRunID(s.CI.RunID), semconv.CICDPipelineRunURLFull(s.CI.RunURL), semconv.CICDWorkerName(s.CI.Runner),
			attribute.String("catmandu.ci.provider", s.CI.Provider))
	}
	return resource.NewWithAttributes(semconv.SchemaURL, known(attrs)...)
}

// known leaves out what is empty: absent means that it is not known.
func known(attrs []attribute.KeyValue) []attribute.KeyValue {
	var out []attribute.KeyValue
	for _, a := range attrs {
		if a.Value.Type() != attribute.STRING || a.Value.AsString() != "" {
			out = append(out, a)
		}
	}
	return out
}

// collected is a processor that only keeps spans.
type collected struct {
	mu    sync.Mutex
	spans []sdktrace.ReadOnlySpan
}

func (c *collected) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (c *collected) Shutdown(context.Context) error                  { return nil }
func (c *collected) ForceFlush(context.Context) error                { return nil }
func (c *collected) OnEnd(s sdktrace.ReadOnlySpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, s)
}

// spansOf are bench, below it every build, and below each of them its steps. They join the trace of TRACEPARENT.
func spansOf(ctx context.Context, s *session.Session) []sdktrace.ReadOnlySpan {
	kept := &collected{}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(kept), sdktrace.WithResource(resourceOf(s)),
		sdktrace.WithSampler(sdktrace.AlwaysSample()))
	tracer := provider.Tracer(scope, trace.WithInstrumentationVersion(s.Tool.Version), trace.WithSchemaURL(semconv.SchemaURL))
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		"traceparent": os.Getenv("TRACEPARENT"), "tracestate": os.Getenv("TRACESTATE"),
	})
	ctx, bench := tracer.Start(ctx, "bench", trace.WithTimestamp(s.Started), trace.WithAttributes(
		attribute.Int64("catmandu.seed", int64(s.Settings.Seed)), attribute.Int("catmandu.runs", len(s.Runs)),
	))
	for i := range s.Runs {
		buildSpans(ctx, tracer, s, &s.Runs[i])
	}
	bench.End(trace.WithTimestamp(s.Ended))
	return kept.spans
}

func buildSpans(ctx context.Context, tracer trace.Tracer, s *session.Session, r *session.Run) {
	service := r.Service
	if service == "" {
		service = s.Project.Name
	}
	name := strings.Join(strings.Fields("build "+service+" "+r.Kind+" "+r.Scenario), " ")
	result := semconv.CICDPipelineTaskRunResultSuccess
	if !r.Valid {
		result = semconv.CICDPipelineTaskRunResultFailure
	}
	attrs := append(caseAttributes(r.Case), semconv.CICDPipelineTaskName(name), semconv.CICDPipelineTaskTypeBuild,
		semconv.CICDPipelineTaskRunID(fmt.Sprintf("%s/%d", s.ID, r.Index)), result,
		attribute.Int("catmandu.run.round", r.Round), attribute.Bool("catmandu.run.valid", r.Valid), attribute.Bool("catmandu.run.busy", r.Busy),
		attribute.Float64("catmandu.run.cpu", r.CPU), attribute.Float64("catmandu.run.critical_path", r.CriticalPath),
		attribute.Int64("catmandu.run.context_bytes", r.ContextBytes), attribute.String("catmandu.run.proof", r.Proof))
	ctx, build := tracer.Start(ctx, name, trace.WithTimestamp(r.Started), trace.WithAttributes(known(attrs)...))
	stepSpans(ctx, tracer, r)
	if !r.Valid {
		build.SetStatus(codes.Error, r.Why)
	}
	build.End(trace.WithTimestamp(after(r.Started, r.Wall)))
}

// stepSpans are linked to those that they are built on. All are begun first, as a list need not be in that order.
func stepSpans(ctx context.Context, tracer trace.Tracer, r *session.Run) {
	spans := make([]trace.Span, len(r.Steps))
	for i := range r.Steps {
		x := &r.Steps[i]
		attrs := []attribute.KeyValue{
			attribute.Bool("catmandu.step.cached", x.Cached), attribute.Bool("catmandu.step.critical", x.Critical),
			attribute.String("catmandu.step.stage", x.Stage), attribute.String("catmandu.service", x.Service),
			attribute.Float64("catmandu.step.seconds", x.Seconds), attribute.String("code.file.path", path.Clean(x.File)),
		}
		if x.File == "" {
			attrs = attrs[:len(attrs)-1]
		}
		if x.Line > 0 {
			attrs = append(attrs, semconv.CodeLineNumber(x.Line))
		}
		if x.CPU > 0 {
			attrs = append(attrs, attribute.Float64("catmandu.step.cpu", x.CPU))
		}
		if x.PeakMemory > 0 {
			attrs = append(attrs, attribute.Int64("catmandu.step.peak_memory", x.PeakMemory))
		}
		_, spans[i] = tracer.Start(ctx, x.Name, trace.WithTimestamp(after(r.Started, x.Start)), trace.WithAttributes(known(attrs)...))
	}
	for i := range r.Steps {
		for _, j := range r.Steps[i].After {
			if j >= 0 && j < len(spans) {
				spans[i].AddLink(trace.Link{SpanContext: spans[j].SpanContext()})
			}
		}
		spans[i].End(trace.WithTimestamp(after(r.Started, r.Steps[i].End)))
	}
}

func caseAttributes(c session.Case) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("catmandu.service", c.Service), attribute.String("catmandu.kind", c.Kind),
		attribute.String("catmandu.scenario", c.Scenario), attribute.String("catmandu.version", c.Version),
	}
}

func after(start time.Time, seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}
