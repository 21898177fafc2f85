package session

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestKeys(t *testing.T) {
	type keys struct{ machine, builder, settings bool }
	for _, test := range []struct {
		name   string
		change func(*Session)
		want   keys // which are others
	}{
		{"OS", func(s *Session) { s.Machine.OS = "windows" }, keys{machine: true}},
		{"architecture", func(s *Session) { s.Machine.Arch = "arm64" }, keys{machine: true}},
		{"CPU model", func(s *Session) { s.Machine.CPUModel = "AMD EPYC 9V74" }, keys{machine: true}},
		{"no CPU model", func(s *Session) { s.Machine.CPUModel = "" }, keys{machine: true}},
		{"CPUs", func(s *Session) { s.Machine.CPUs = 2 }, keys{machine: true}},
		{"memory", func(s *Session) { s.Machine.MemoryGiB = 8 }, keys{machine: true}},
		{"virtualisation", func(s *Session) { s.Machine.Virt = "kvm" }, keys{machine: true}},
		{"kernel", func(s *Session) { s.Machine.Kernel = "5.15" }, keys{machine: true}},
		{"kernel, minor", func(s *Session) { s.Machine.Kernel = "6.11" }, keys{}},
		{"driver", func(s *Session) { s.Builder.Driver = "remote" }, keys{builder: true}},
		{"BuildKit", func(s *Session) { s.Builder.BuildKit = "v0.35.2" }, keys{builder: true}},
		{"BuildKit, patch", func(s *Session) { s.Builder.BuildKit = "v0.34.3-0.2026" }, keys{}},
		{"BuildKit, commit", func(s *Session) { s.Builder.BuildKit = "0a1b2c3" }, keys{builder: true}},
		{"isolation", func(s *Session) { s.Builder.Isolation = "embedded" }, keys{builder: true}},
		{"snapshotter", func(s *Session) { s.Builder.Snapshotter = "native" }, keys{builder: true}},
		{"CPU seconds", func(s *Session) { s.Builder.CPU = "steps" }, keys{builder: true}},
		{"name of the builder", func(s *Session) { s.Builder.Name = "other" }, keys{}},
		{"scenarios", func(s *Session) { s.Settings.Scenarios = []string{"warm"} }, keys{settings: true}},
		{"order of scenarios", func(s *Session) { slices.Reverse(s.Settings.Scenarios) }, keys{}},
		{"kinds", func(s *Session) { s.Settings.Kinds = nil }, keys{settings: true}},
		{"services", func(s *Session) { s.Settings.Services = []string{"api"} }, keys{settings: true}},
		{"edits", func(s *Session) { s.Settings.Edits["api source"] = []string{"b.go"} }, keys{settings: true}},
		{"platforms", func(s *Session) { s.Settings.Platforms = nil }, keys{settings: true}},
		{"cache imports", func(s *Session) { s.Settings.CacheFrom = nil }, keys{settings: true}},
		{"method", func(s *Session) { s.Tool.Method = "hl-u/2" }, keys{settings: true}},
		{"runs and seed", func(s *Session) { s.Settings.Runs, s.Settings.Seed = 9, 1 }, keys{}},
		{"the version of the tool", func(s *Session) { s.Tool.Version = "9" }, keys{}},
	} {
		a, b := full(), full()
		test.change(b)
		b.Seal()
		assert.Check(t, len(b.Machine.Key) == 16 && len(b.Builder.Key) == 16 && len(b.Settings.Key) == 16)
		got := keys{a.Machine.Key != b.Machine.Key, a.Builder.Key != b.Builder.Key, a.Settings.Key != b.Settings.Key}
		assert.Check(t, got == test.want, "%s: %+v", test.name, got)
	}
}

func TestNewID(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	seen := map[string]bool{}
	last, lastTime := "", time.Time{}
	for i := range 2000 {
		at := noon.Add(time.Duration(i)*time.Hour + time.Duration(random.IntN(int(time.Hour)))).Truncate(time.Millisecond)
		id := NewID(at)
		assert.Equal(t, len(id), 26)
		assert.NilError(t, checkID(id))
		assert.Assert(t, !seen[id] && id > last, "%s at %s after %s at %s", id, at, last, lastTime)
		got, ok := idTime(id)
		assert.Assert(t, ok && got.Equal(at), "%s: %s", id, got)
		seen[id], last, lastTime = true, id, at
	}
	one, two := NewID(noon), NewID(noon)
	assert.Assert(t, one != two && one[:10] == two[:10])
	// The example of the ULID specification, and the last time that there is room for.
	at, ok := idTime("01ARZ3NDEKTSV4RRFFQ69G5FAV")
	assert.Assert(t, ok && at.UnixMilli() == 1469922850259, at.UnixMilli())
	assert.Equal(t, NewID(time.UnixMilli(1<<48 - 1))[:10], "7ZZZZZZZZZ")
	for _, id := range []string{"", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAU"} {
		_, ok := idTime(id)
		assert.Assert(t, !ok, id)
	}
}
