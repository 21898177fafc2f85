package session

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// full has a value in every field; TestFullIsFull sees to it.
func full() *Session {
	rate := 0.58
	source := Case{Service: "api", Kind: "prod", Scenario: "source", Version: Head}
	miss := Miss{Step: "[build 2/3] COPY src /src", File: "api/Dockerfile", Line: 9, Why: "src/a.go changed"}
	s := &Session{
		ID: "01JP9V6Z00ABCDEFGHJKMNPQRS", Started: noon, Ended: noon.Add(9 * time.Minute),
		Tool:    Tool{Version: "0.9.0"},
		Project: Project{Name: "shop", Files: []string{"compose.yaml"}},
		VCS:     &VCS{Revision: "9f31c2d0aa", Base: "4c1e0d2b11", Branch: "faster", Dirty: true},
		CI:      &CI{Provider: "github", RunID: "17", RunURL: "https://ci.example/17", Runner: "ubuntu24"},
		Machine: Machine{OS: "linux", Arch: "amd64", CPUModel: "AMD EPYC 7763", CPUs: 4, MemoryGiB: 16, Kernel: "6.8", Virt: "hyper-v"},
		Builder: Builder{Name: "lab", Driver: "docker-container", BuildKit: "v0.34.2", Isolation: "container", Snapshotter: "overlayfs", CPU: "daemon"},
		Settings: Settings{
			Scenarios: []string{"warm", "source"}, Kinds: []string{"prod"}, Services: []string{"api", "web"},
			Edits: map[string][]string{"api source": {"src/a.go"}}, Runs: 5, Seed: 42,
			Platforms: []string{"linux/amd64"}, CacheFrom: []string{"type=registry,ref=r.example/cache"},
		},
		Quiet:  Quiet{Pressure: []float64{1.5, 64}, Load: []float64{0.3, 2}, BusyRuns: 1},
		Series: []Series{Summarise(source, Wall, []float64{12, 12.5, 13, 12.2, 30}, true), Summarise(source, CPU, []float64{9.8, 9.9, 10}, false)},
		Stages: []Stage{{Case: source, Stage: "build", Seconds: 9, Until: 11, Lo: 8.5, Hi: 9.5, Steps: 3, Cached: 1}},
		Cache: []Cache{{
			Case: source, Steps: 8, Hits: 6, Rate: 0.75, TimeRate: &rate, SavedSeconds: 9.6, FirstMiss: &miss, Wasted: []Miss{miss},
		}},
		Images: []Image{{
			Service: "api", Kind: "prod", Version: Head, Stage: "runtime", Final: true, Digest: "sha256:" + strings.Repeat("0a", 32),
			Platform: "linux/amd64", Bytes: 187e6, Unpacked: 500e6, OwnBytes: 100e6, BaseBytes: 87e6, Layers: 7,
		}},
		Compare: &Compare{
			Kind: KindAB, To: Other{ID: "01JP9V6Z00ABCDEFGHJKMNPQRT", Revision: "4c1e0d2b11", Name: "main"}, Times: Yes, Sizes: Yes,
			Why: []string{"CPU model: a vs b: times are not comparable"},
			Results: []Result{{
				Service: "api", Kind: "prod", Scenario: "source", Stage: "build", Platform: "linux/amd64", Metric: CPU,
				Base: 9.8, Head: 14.1, Ratio: 1.44, Lo: 1.38, Hi: 1.49, Level: 0.92, Verdict: Slower, Why: "noise 19 %", NeedRuns: 14, Gate: true,
				Confirmed: true,
				Because: []Because{{
					Step: "[build 3/3] RUN make", File: "api/Dockerfile", Line: 10, Seconds: 4.1, Text: "runs, was cached", Cause: &miss,
				}},
			}},
		},
		Budgets: []Budget{{
			Service: "api", Kind: "prod", Scenario: "source", Stage: "build", What: OfTime, Limit: 10, Value: 9, State: OK,
		}},
		Warnings: []Warning{{Code: "busy", Text: "one run of 10 was on a busy machine"}},
		Runs: []Run{{
			Case: source, Index: 3, Round: 1, Fresh: true, Started: noon, Wall: 12.5, BuilderWall: 12.3, Valid: true, Why: "none",
			Proof: "COPY src /src ran", Missed: []Miss{miss}, Busy: true, Edited: []string{"src/a.go"}, Refs: []string{"abc"},
			Phases:       Phases{Context: 0.1, Pull: 0.2, CacheImport: 0.3, Steps: 9, Export: 1, CacheExport: 0.4},
			ContextBytes: 4096, CPU: 9.9, PeakMemory: 1 << 30, IOBytes: 1 << 20, CriticalPath: 9, Parallelism: 1.4,
			Steps: []Step{{
				Service: "api", Name: "[build 3/3] RUN make && strip <a>", Stage: "build", File: "api/Dockerfile", Line: 10, Cached: true, Start: 1,
				End: 10, Seconds: 9, CPU: 8, PeakMemory: 1 << 29, IOBytes: 1 << 19, Critical: true, After: []int{0},
			}},
		}},
	}
	s.Series[0].Invalid = 1
	s.Seal()
	return s
}

var sameMachine, sameBuilder = full().Machine, full().Builder

// nightly is a session of a day with one series and one image, on the same machine each time.
func nightly(day int, seconds float64) *Session {
	c := Case{Service: "api", Kind: "prod", Scenario: "source", Version: Head}
	started := noon.AddDate(0, 0, day)
	s := &Session{
		ID: NewID(started), Started: started, Ended: started.Add(time.Minute),
		VCS:      &VCS{Revision: fmt.Sprintf("%040x", 0xabc000+day)},
		Machine:  sameMachine,
		Builder:  sameBuilder,
		Settings: Settings{Scenarios: []string{"source"}, Kinds: []string{"prod"}, Services: []string{"api"}, Edits: map[string][]string{"api source": {"a.go"}}},
		Series:   []Series{Summarise(c, Wall, []float64{seconds, seconds * 1.01, seconds * 0.99}, true)},
		Images: []Image{{
			Service: "api", Kind: "prod", Version: Head, Stage: "runtime", Final: true, Platform: "linux/amd64", Bytes: 100e6,
		}},
	}
	s.Seal()
	return s
}

func nightlies(seconds ...float64) []*Session {
	var all []*Session
	for i, v := range seconds {
		all = append(all, nightly(i, v))
	}
	return all
}

// one returns the only result of a metric.
func one(t testing.TB, c *Compare, metric string) Result {
	t.Helper()
	var found []Result
	for _, r := range c.Results {
		if r.Metric == metric {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d results of %s: %+v", len(found), metric, c.Results)
	}
	return found[0]
}
