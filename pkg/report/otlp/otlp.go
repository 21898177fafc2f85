// Package otlp sends a benchmark to a collector of OpenTelemetry: a trace of its builds with their steps, and its results as
// metrics.
//
// It hands spans and metrics to the exporters itself: behind the providers of the SDK a failure is only told to a handler of the
// whole process, and Shutdown returns nil.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// limit is how long all of it may take: a collector that is away must not make a benchmark wait.
const limit = 3 * time.Second

// batch is how many spans go into a request; collectors refuse very long ones.
const batch = 2000

// local is where a collector listens by convention.
const local = "http://localhost:4318"

// Send sends traces and metrics to the collector at a URL, below which it has v1/traces and v1/metrics. Without one it is that of
// OTEL_EXPORTER_OTLP_ENDPOINT, or of this machine. Headers and certificates are those of the environment. Nothing is tried twice.
func Send(ctx context.Context, endpoint string, s *session.Session) error {
	base, err := collector(endpoint)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var traces, metrics error
	var wg sync.WaitGroup
	wg.Go(func() { traces = sendTraces(ctx, base.JoinPath("v1", "traces").String(), s) })
	wg.Go(func() { metrics = sendMetrics(ctx, base.JoinPath("v1", "metrics").String(), s) })
	wg.Wait()
	return errors.Join(named(base, "traces", traces), named(base, "metrics", metrics))
}

func named(base *url.URL, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("OTLP %s to %s: %w", what, base.Host, err)
}

// collector finds the URL and checks it: the exporters would fall back to another one.
func collector(endpoint string) (*url.URL, error) {
	if endpoint == "" {
		endpoint = os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	if endpoint == "" {
		endpoint = local
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("OTLP endpoint %q: want a URL such as %s", redacted(endpoint), local)
	}
	if u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("OTLP endpoint %s: it can have no user and no query; credentials go into OTEL_EXPORTER_OTLP_HEADERS", u.Host)
	}
	return u, nil
}

// redacted is without a password, which a message must not repeat.
func redacted(endpoint string) string {
	if i := strings.LastIndex(endpoint, "@"); i >= 0 {
		return endpoint[i+1:]
	}
	return endpoint
}

func sendTraces(ctx context.Context, url string, s *session.Session) error {
	exporter, err := otlptrace.New(ctx, otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(url), otlptracehttp.WithTimeout(limit), otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}),
	))
	if err != nil {
		return err
	}
	defer func() { _ = exporter.Shutdown(ctx) }() // there is nothing left to send
	for spans := range slices.Chunk(spansOf(ctx, s), batch) {
		if err := exporter.ExportSpans(ctx, spans); err != nil {
			return err
		}
	}
	return nil
}

func sendMetrics(ctx context.Context, url string, s *session.Session) error {
	exporter, err := otlpmetrichttp.New(ctx,
		otlpmetrichttp.WithEndpointURL(url), otlpmetrichttp.WithTimeout(limit), otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: false}),
	)
	if err != nil {
		return err
	}
	defer func() { _ = exporter.Shutdown(ctx) }() // there is nothing left to send
	return exporter.Export(ctx, metricsOf(s))
}
