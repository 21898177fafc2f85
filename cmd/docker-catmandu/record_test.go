package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// TestAddUsage: every history record is asked for once, and only steps that ran are told what was used.
func TestAddUsage(t *testing.T) {
	compile, link := steps.Step{Digest: "sha256:c"}, steps.Step{Digest: "sha256:l"}
	results := []ledger.Result{
		{Service: "web", Step: compile, Status: ledger.Ran, Seconds: 1},
		{Service: "api", Step: compile, Status: ledger.Cached},
		{Service: "api", Step: link, Status: ledger.Ran, Seconds: 0.1},
		{Service: "api", Step: steps.Step{Digest: "sha256:unknown"}, Status: ledger.Failed, Seconds: 2},
	}
	built := []buildx.TargetResult{
		{Service: "web", Ref: "b/n/1"}, {Service: "web2", Ref: "b/n/1"}, {Service: "api", Ref: "b/n/2"}, {Service: "db", Ref: "b/n/3"}, {Service: "failed"},
	}
	var mu sync.Mutex
	var asked []string
	ask := func(_ context.Context, ref string) (map[string]buildx.Usage, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, ref)
		switch ref {
		case "b/n/1":
			return map[string]buildx.Usage{"sha256:c": {CPUSeconds: 3.5, PeakMemory: 2, IOBytes: 1}, "sha256:other": {CPUSeconds: 9}}, nil
		case "b/n/2":
			return map[string]buildx.Usage{"sha256:l": {CPUSeconds: 0.25}}, nil
		}
		return nil, errors.New("too busy")
	}

	addUsage(results, built, ask)
	var got []buildx.Usage
	for _, r := range results {
		got = append(got, buildx.Usage{CPUSeconds: r.CPUSeconds, PeakMemory: r.PeakMemory, IOBytes: r.IOBytes})
	}
	assert.DeepEqual(t, got, []buildx.Usage{{CPUSeconds: 3.5, PeakMemory: 2, IOBytes: 1}, {}, {CPUSeconds: 0.25}, {}})
	slices.Sort(asked)
	assert.DeepEqual(t, asked, []string{"b/n/1", "b/n/2", "b/n/3"})
}

// The ledger's times are by the builder's clock, as those of cache records are.
func TestByBuilder(t *testing.T) {
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	assert.Equal(t, byBuilder(buildx.Step{Started: at, Moved: 500 * time.Millisecond}), at.Add(500*time.Millisecond))
	assert.Assert(t, byBuilder(buildx.Step{Moved: time.Second}).IsZero(), "it never began")
}

func TestAddUsageOfShortSteps(t *testing.T) {
	results := []ledger.Result{{Status: ledger.Ran, Seconds: 0.9}, {Status: ledger.Cached, Seconds: 5}}
	addUsage(results, []buildx.TargetResult{{Ref: "b/n/1"}}, func(context.Context, string) (map[string]buildx.Usage, error) {
		t.Error("asked")
		return nil, nil
	})
}
