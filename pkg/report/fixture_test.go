package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// TestFixture writes testdata/session.json with -update, and else holds it to what invents it.
func TestFixture(t *testing.T) {
	golden.AssertBytes(t, encodeFixture(t, inventSession()), "session.json")
	golden.AssertBytes(t, encodeFixture(t, inventSingle()), "single.json")
}

// inventSingle is a session of one version and one service, from the tree of no repository on a builder without CPU seconds.
func inventSingle() *session.Session {
	s := inventSession()
	s.VCS, s.CI, s.Compare, s.Warnings, s.Builder.CPU, s.Quiet = nil, nil, nil, []session.Warning{}, "", session.Quiet{}
	other := func(c session.Case) bool { return c.Version == session.Base || c.Service != "web" }
	s.Series = slices.DeleteFunc(s.Series, func(x session.Series) bool { return other(x.Case) || x.Metric == session.CPU })
	s.Stages = slices.DeleteFunc(s.Stages, func(x session.Stage) bool { return other(x.Case) })
	s.Cache = slices.DeleteFunc(s.Cache, func(x session.Cache) bool { return other(x.Case) })
	s.Images = slices.DeleteFunc(s.Images, func(x session.Image) bool { return x.Version == session.Base || x.Service != "web" })
	s.Runs = slices.DeleteFunc(s.Runs, func(x session.Run) bool { return other(x.Case) })
	s.Budgets = slices.DeleteFunc(s.Budgets, func(x session.Budget) bool { return x.Service != "web" })
	for i := range s.Runs {
		s.Runs[i].CPU = 0
	}
	return s
}

// fixture reads a session of testdata.
func fixture(t *testing.T, name string) *session.Session {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	assert.NilError(t, err)
	defer f.Close()
	s, err := session.Read(f)
	assert.NilError(t, err)
	return s
}

// encodeFixture puts each run in a line of its own.
func encodeFixture(t *testing.T, s *session.Session) []byte {
	t.Helper()
	rest := *s
	rest.Runs = nil
	out, err := json.MarshalIndent(rest, "", "  ")
	assert.NilError(t, err)
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(out, []byte("\n}")))
	b.WriteString(",\n  \"runs\": [")
	for i, r := range s.Runs {
		line, err := json.Marshal(r)
		assert.NilError(t, err)
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n    %s", line)
	}
	b.WriteString("\n  ]\n}\n")
	return b.Bytes()
}

// line is a step of the invented Dockerfiles: when it runs and how long it takes.
type line struct {
	stage, text string
	at          int
	seconds     float64
	runs        string // the scenarios in which it is not cached
	kinds       string
}

const (
	always = "cold"
	onDeps = "cold deps"
	onCode = "cold deps source"
)

func linesOf(service, version string) []line {
	if service == "web" {
		return []line{
			{"base", "[base 2/2] WORKDIR /app", 2, 0.06, always, "prod dev"},
			{"deps", "[deps 1/2] COPY package.json package-lock.json ./", 5, 0.05, onDeps, "prod dev"},
			{"deps", "[deps 2/2] RUN npm ci", 6, 11.8, onDeps, "prod dev"},
			{"build", "[build 1/2] COPY . .", 9, 0.21, onCode, "prod"},
			{"build", "[build 2/2] RUN npm run build", 10, 7.4, onCode, "prod"},
			{"production", "[production 1/2] COPY --from=build /app/dist dist", 13, 0.12, onCode, "prod"},
			{"production", "[production 2/2] RUN chown -R node dist", 14, 0.31, onCode, "prod"},
			{"development", "[development 1/1] COPY . .", 18, 0.22, onCode, "dev"},
		}
	}
	code, download := onDeps, 8.9
	copied := "[deps 1/2] COPY go.mod go.sum ./"
	if version == session.Head {
		code, copied = onCode, "[deps 1/2] COPY . ."
	}
	return []line{
		{"base", "[base 2/3] RUN apk add --no-cache git", 2, 2.4, always, "prod dev"},
		{"base", "[base 3/3] WORKDIR /src", 3, 0.05, always, "prod dev"},
		{"deps", copied, 6, 0.07, code, "prod dev"},
		{"deps", "[deps 2/2] RUN go mod download", 7, download, code, "prod dev"},
		{"build", "[build 1/2] COPY . .", 10, 0.28, onCode, "prod"},
		{"build", "[build 2/2] RUN go build -o /bin/api ./cmd/api", 11, 6.3, onCode, "prod"},
		{"production", "[production 1/1] COPY --from=build /bin/api /bin/api", 14, 0.2, onCode, "prod"},
		{"development", "[development 1/2] COPY . .", 17, 0.3, onCode, "dev"},
		{"development", "[development 2/2] RUN go build -gcflags=all=-N ./cmd/api", 18, 4.6, onCode, "dev"},
	}
}

func contains(list, word string) bool { return slices.Contains(strings.Fields(list), word) }

// inventor makes a session out of nothing, always the same.
type inventor struct {
	random *rand.Rand
	now    time.Time
	s      *session.Session
}

func inventSession() *session.Session {
	start := time.Date(2026, 10, 12, 14, 3, 0, 0, time.UTC)
	in := &inventor{random: rand.New(rand.NewPCG(42, 7)), now: start, s: &session.Session{
		Schema: session.Schema, ID: "01KA3Z9J5VQ8R6T2W4X7Y1N0MB", Started: start,
		Tool:    session.Tool{Version: "v0.9.0", Method: session.Method},
		Project: session.Project{Name: "shop", Files: []string{"compose.yaml"}},
		VCS: &session.VCS{
			Revision: "9f31c2d4b7a05e6c1d8f2b3a4c5d6e7f80912a3b", Base: "4c1e0d2f6a8b9c0d1e2f3a4b5c6d7e8f9012b3c4",
			Branch: "faster-deps", Dirty: true,
		},
		CI: &session.CI{
			Provider: "github", RunID: "1812", RunURL: "https://github.com/example/shop/actions/runs/1812", Runner: "ubuntu-24.04",
		},
		Machine: session.Machine{
			Key: "m1", OS: "linux", Arch: "amd64", CPUModel: "AMD EPYC 7763", CPUs: 4, MemoryGiB: 16, Kernel: "6.8", Virt: "kvm",
		},
		Builder: session.Builder{
			Key: "b1", Name: "bench-6f1c", Driver: "docker-container", BuildKit: "v0.34.2", Isolation: "container",
			Snapshotter: "overlayfs", CPU: "container",
		},
		Settings: session.Settings{
			Key: "s1", Scenarios: []string{"warm", "source", "deps", "cold"}, Kinds: []string{"prod", "dev"},
			Services: []string{"api", "web"}, Seed: 42,
			Edits: map[string][]string{
				"api source": {"cmd/api/main.go"}, "api deps": {"go.mod"}, "web source": {"src/app.ts"}, "web deps": {"package.json"},
			},
		},
		Quiet: session.Quiet{Pressure: []float64{0.4, 1.2, 0.9, 64, 2.5, 0.7}, Load: []float64{0.3, 0.5, 0.4, 3.9, 0.8, 0.4}, BusyRuns: 2},
	}}
	in.rounds()
	in.series()
	in.stages()
	in.caches()
	in.images()
	in.compare()
	in.judge()
	in.s.Ended = in.now
	return in.s
}

func cases() []session.Case {
	var out []session.Case
	for _, kind := range []string{"prod", "dev"} {
		for _, service := range []string{"api", "web", ""} {
			for _, scenario := range []string{"cold", "deps", "source", "warm"} {
				if kind == "dev" && (service == "" || scenario == "cold" || scenario == "deps") {
					continue
				}
				for _, version := range []string{session.Head, session.Base} {
					out = append(out, session.Case{Service: service, Kind: kind, Scenario: scenario, Version: version})
				}
			}
		}
	}
	return out
}

func (in *inventor) rounds() {
	all := cases()
	for round := range 6 {
		for _, i := range in.random.Perm(len(all)) {
			if round > 3 && (all[i].Scenario == "cold" || all[i].Scenario == "deps") {
				continue
			}
			in.run(all[i], round)
		}
	}
	again := session.Case{Service: "api", Kind: "prod", Scenario: "source", Version: session.Head}
	in.run(again, 6)
	bad := &in.s.Runs[len(in.s.Runs)-1]
	bad.Valid, bad.Why = false, "the edit of cmd/api/main.go had no effect: every step was cached"
	for i := range in.s.Runs {
		r := &in.s.Runs[i]
		if r.Round == 3 && r.Service == "web" && r.Scenario == "warm" && r.Kind == "prod" {
			r.Busy, r.Wall, r.CPU = true, round3(r.Wall*1.8), round3(r.CPU*1.02)
		}
	}
}

// run builds the services of a case one beside the other, each a chain of steps.
func (in *inventor) run(c session.Case, round int) {
	services := []string{c.Service}
	if c.Service == "" {
		services = []string{"api", "web"}
	}
	sd := 0.03
	if c.Service == "web" && c.Scenario == "deps" {
		sd = 0.2
	}
	drift := math.Exp(sd * in.random.NormFloat64())
	r := session.Run{
		Case: c, Index: len(in.s.Runs) + 1, Round: round, Started: in.now, Valid: true, ContextBytes: 48_200,
		Phases: session.Phases{Context: 0.11, Export: round3(0.4 * drift)},
		Proof:  map[string]string{"warm": "every step was cached", "cold": "no step was cached"}[c.Scenario],
	}
	if r.Proof == "" {
		r.Proof = "the COPY that takes the file ran"
		r.Edited = []string{"edited"}
	}
	var work, end float64
	for _, service := range services {
		at := 0.35
		last := -1
		for _, l := range linesOf(service, c.Version) {
			if !contains(l.kinds, c.Kind) {
				continue
			}
			s := session.Step{
				Service: service, Name: l.text, Stage: l.stage, File: service + "/Dockerfile", Line: l.at,
				Cached: !contains(l.runs, c.Scenario), Start: round3(at), End: round3(at), After: []int{},
			}
			if last >= 0 {
				s.After = []int{last}
			}
			if !s.Cached {
				took := l.seconds * drift * math.Exp(0.015*in.random.NormFloat64())
				at += took
				work += took
				s.End, s.Seconds, s.CPU, s.PeakMemory = round3(at), round3(took), round3(took*1.3), 90_000_000
			}
			s.Critical = !s.Cached
			last = len(r.Steps)
			if round > 0 {
				r.Steps = append(r.Steps, s)
			} else {
				last = -1
			}
		}
		end = max(end, at)
	}
	r.Wall = round3(end + 0.55*drift)
	r.BuilderWall = round3(r.Wall - 0.12)
	r.CPU = round3(0.4 + work*1.3*math.Exp(0.01*in.random.NormFloat64()))
	r.Phases.Steps, r.CriticalPath, r.Parallelism = round3(work), round3(end-0.35), round3(r.CPU/r.Wall)
	in.now = in.now.Add(time.Duration((r.Wall + 1.5) * float64(time.Second))).Truncate(time.Millisecond)
	in.s.Runs = append(in.s.Runs, r)
}

func round3(v float64) float64 { return math.Round(v*1000) / 1000 }

func middle(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
