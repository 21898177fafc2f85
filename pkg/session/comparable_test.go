package session

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestComparable(t *testing.T) {
	for _, test := range []struct {
		name         string
		change       func(head *Session)
		allow        []string
		times, sizes string
		why          []string
	}{
		{"nothing", func(*Session) {}, nil, Yes, Yes, nil},
		{"commit and project", func(s *Session) { s.VCS, s.Project.Name = nil, "other" }, nil, Yes, Yes, nil},
		{
			"BuildKit", func(s *Session) { s.Builder.BuildKit = "v0.35.0" }, nil, Flagged, Yes,
			[]string{"BuildKit: 0.34 vs 0.35: times are a hint"},
		},
		{
			"BuildKit, allowed", func(s *Session) { s.Builder.BuildKit = "v0.35.0" },
			[]string{AllowBuilder},
			Yes, Yes,
			[]string{"BuildKit: 0.34 vs 0.35: allowed"},
		},
		{"BuildKit, patch", func(s *Session) { s.Builder.BuildKit = "v0.34.9" }, nil, Yes, Yes, nil},
		{
			"driver and isolation", func(s *Session) { s.Builder.Driver, s.Builder.Isolation = "", "embedded" }, nil, Flagged, Yes,
			[]string{"driver: docker-container vs unknown: times are a hint", "isolation: container vs embedded: times are a hint"},
		},
		{
			"what CPU seconds are of", func(s *Session) { s.Builder.CPU = "steps" },
			[]string{AllowBuilder},
			Yes, Yes,
			[]string{"CPU seconds: daemon vs steps: CPU seconds are not comparable"},
		},
		{
			"CPU model", func(s *Session) { s.Machine.CPUModel = "AMD EPYC 9V74" }, nil, No, Yes,
			[]string{"CPU model: AMD EPYC 7763 vs AMD EPYC 9V74: times are not comparable"},
		},
		{
			"CPU model, the builder is allowed", func(s *Session) { s.Machine.CPUModel = "" },
			[]string{AllowBuilder},
			No, Yes,
			[]string{"CPU model: AMD EPYC 7763 vs unknown: times are not comparable"},
		},
		{
			"class", func(s *Session) { s.Machine.CPUs, s.Machine.MemoryGiB = 2, 8 }, nil, No, Yes,
			[]string{"CPUs: 4 vs 2: times are not comparable", "memory: 16 GiB vs 8 GiB: times are not comparable"},
		},
		{
			"class and BuildKit", func(s *Session) { s.Machine.Kernel, s.Builder.BuildKit = "7.0", "v1.0.0" }, nil, No, Yes,
			[]string{"kernel: 6 vs 7: times are not comparable", "BuildKit: 0.34 vs 1.0: times are a hint"},
		},
		{
			"architecture of the images", func(s *Session) { s.Machine.Arch, s.Images[0].Platform = "arm64", "linux/arm64" }, nil, No, No,
			[]string{
				"architecture: amd64 vs arm64: times are not comparable",
				"platforms of images: linux/amd64 vs linux/arm64: sizes are not comparable",
			},
		},
		{
			"architecture of the machine only", func(s *Session) { s.Machine.Arch = "arm64" }, nil, No, Yes,
			[]string{"architecture: amd64 vs arm64: times are not comparable"},
		},
		{
			"architecture, images do not say theirs", func(s *Session) { s.Machine.Arch, s.Images[0].Platform = "arm64", "" }, nil, No, No,
			[]string{
				"architecture: amd64 vs arm64: times are not comparable",
				"platforms of images: linux/amd64 vs linux/arm64: sizes are not comparable",
			},
		},
		{"no images", func(s *Session) { s.Images = nil }, nil, Yes, Yes, nil},
		{
			"platforms", func(s *Session) { s.Settings.Platforms = []string{"linux/arm64", "linux/amd64"} }, nil, No, No,
			[]string{"platforms: linux/amd64 vs linux/amd64, linux/arm64: nothing is comparable"},
		},
		{
			"cache imports", func(s *Session) { s.Settings.CacheFrom = nil }, nil, No, No,
			[]string{"cache imports: type=registry,ref=r.example/cache vs none: nothing is comparable"},
		},
		{
			"method", func(s *Session) { s.Tool.Method = "mean/1" }, nil, No, Yes,
			[]string{"method: hl-u/1 vs mean/1: times are not comparable"},
		},
		{
			"edits", func(s *Session) { s.Settings.Edits["api source"] = []string{"src/b.go"} }, nil, Yes, Yes,
			[]string{"edits of api source: src/a.go vs src/b.go: its times are not comparable"},
		},
		{"more scenarios", func(s *Session) {
			s.Settings.Scenarios = append(s.Settings.Scenarios, "deps")
			s.Settings.Edits["api deps"] = []string{"go.mod"}
		}, nil, Yes, Yes, nil},
		{"runs and seed", func(s *Session) { s.Settings.Runs, s.Settings.Seed = 3, 7 }, nil, Yes, Yes, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			head := full()
			test.change(head)
			if test.why == nil {
				test.why = []string{}
			}
			assert.DeepEqual(t, Comparable(head, full(), test.allow), Comparability{test.times, test.sizes, test.why})
			back := Comparable(full(), head, test.allow)
			assert.Equal(t, back.Times, test.times)
			assert.Equal(t, back.Sizes, test.sizes)
		})
	}
}

func TestApart(t *testing.T) {
	base := full()
	base.Settings.Edits = map[string][]string{"api source": {"a.go"}, "web source": {"a.ts"}, "web deps": {"package.json"}}
	for _, test := range []struct {
		change            func(head *Session)
		service, scenario string
		metric, want      string
	}{
		{func(*Session) {}, "", "source", CPU, ""},
		{func(s *Session) { s.Builder.CPU = "" }, "api", "source", CPU, "CPU seconds: daemon vs unknown"},
		{func(s *Session) { s.Builder.CPU = "" }, "api", "source", Wall, ""},
		{func(s *Session) { s.Settings.Services = nil }, "", "warm", Wall, "services: api, web vs none"},
		{func(s *Session) { s.Settings.Services = nil }, "api", "warm", Wall, ""},
		{func(s *Session) { s.Settings.Edits["web source"] = []string{"b.ts"} }, "web", "source", Wall, "edits of web source: a.ts vs b.ts"},
		{func(s *Session) { s.Settings.Edits["web source"] = []string{"b.ts"} }, "", "source", Wall, "edits of web source: a.ts vs b.ts"},
		{func(s *Session) { s.Settings.Edits["web source"] = []string{"b.ts"} }, "", "deps", Wall, ""},
		{func(s *Session) { s.Settings.Edits["web source"] = []string{"b.ts"} }, "api", "source", Wall, ""},
	} {
		head := full()
		head.Settings.Edits = map[string][]string{"api source": {"a.go"}, "web source": {"a.ts"}, "api deps": {"go.mod"}}
		test.change(head)
		assert.Check(t, apart(head, base, Case{Service: test.service, Scenario: test.scenario}, test.metric) == test.want, "%+v", test)
	}
}
