package buildx

import (
	"encoding/json"
	"testing"
	"time"

	control "github.com/moby/buildkit/api/services/control"
	resources "github.com/moby/buildkit/executor/resources/types"
	buildkit "github.com/moby/buildkit/solver/llbsolver/provenance/types"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

func sample(cpu time.Duration, peak, read, write uint64) *resources.Sample {
	nanos := uint64(cpu)
	return &resources.Sample{
		CPUStat: &resources.CPUStat{UsageNanos: &nanos}, MemoryStat: &resources.MemoryStat{Peak: &peak},
		IOStat: &resources.IOStat{ReadBytes: &read, WriteBytes: &write},
	}
}

// config has a step for each list of samples; nil was not sampled.
func config(steps ...[]*resources.Sample) *buildkit.BuildConfig {
	c := &buildkit.BuildConfig{DigestMapping: map[digest.Digest]string{}}
	for i, samples := range steps {
		id := string(rune('a' + i))
		s := buildkit.BuildStep{ID: id, Op: &pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Meta: &pb.Meta{Args: []string{"make"}}}}}}
		if samples != nil {
			s.ResourceUsage = &resources.Samples{Samples: samples}
		}
		c.Definition = append(c.Definition, s)
		c.DigestMapping[digest.FromString(id)] = id
	}
	return c
}

func TestUsageOf(t *testing.T) {
	last := sample(5*time.Second, 100, 7, 8)
	noIO := sample(6*time.Second, 50, 0, 0)
	noIO.IOStat = &resources.IOStat{}
	for _, tc := range []struct {
		name    string
		samples []*resources.Sample
		want    Usage
	}{
		{"cgroup v1", nil, Usage{}},
		{"no sample", []*resources.Sample{}, Usage{}},
		{"counters of a kernel without controllers", []*resources.Sample{{}, {CPUStat: &resources.CPUStat{}, MemoryStat: &resources.MemoryStat{}}, nil}, Usage{}},
		{"one", []*resources.Sample{last}, Usage{CPUSeconds: 5, PeakMemory: 100, IOBytes: 15}},
		{"the last counters, the highest peak", []*resources.Sample{sample(time.Second, 300, 1, 2), last}, Usage{CPUSeconds: 5, PeakMemory: 300, IOBytes: 15}},
		{"a last one without all", []*resources.Sample{last, noIO, {}}, Usage{CPUSeconds: 6, PeakMemory: 100, IOBytes: 15}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := config(nil, tc.samples)
			want := map[string]Usage{}
			if tc.want != (Usage{}) {
				want[digest.FromString("b").String()] = tc.want
			}
			v1 := buildkit.ProvenancePredicateSLSA1{}
			v1.BuildDefinition.InternalParameters.BuildConfig = c
			for _, predicate := range []any{v1, buildkit.ProvenancePredicateSLSA02{BuildConfig: c}} {
				text, err := json.Marshal(predicate)
				assert.NilError(t, err)
				got, err := usageOf(text)
				assert.NilError(t, err)
				assert.DeepEqual(t, got, want)
			}
		})
	}
}

func TestUsageOfSteps(t *testing.T) {
	p := buildkit.ProvenancePredicateSLSA1{}
	p.BuildDefinition.InternalParameters.BuildConfig = config(
		[]*resources.Sample{sample(time.Second, 1, 0, 0)}, nil, []*resources.Sample{sample(1500*time.Millisecond, 2, 0, 3)})
	text, err := json.Marshal(p)
	assert.NilError(t, err)
	got, err := usageOf(text)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, map[string]Usage{
		digest.FromString("a").String(): {CPUSeconds: 1, PeakMemory: 1},
		digest.FromString("c").String(): {CPUSeconds: 1.5, PeakMemory: 2, IOBytes: 3},
	})
}

func TestUsageOfOtherText(t *testing.T) {
	got, err := usageOf([]byte(`{"buildDefinition":{"internalParameters":{}}}`)) // mode=min
	assert.NilError(t, err)
	assert.Equal(t, len(got), 0)
	_, err = usageOf([]byte("no JSON"))
	assert.ErrorContains(t, err, "provenance: ")
}

func TestAttestations(t *testing.T) {
	about := func(name, predicate string) *control.BuildResultInfo {
		return &control.BuildResultInfo{Attestations: []*control.Descriptor{{
			Digest: name, Annotations: map[string]string{"in-toto.io/predicate-type": predicate},
		}}}
	}
	assert.Equal(t, len(attestations(nil)), 0)
	assert.Equal(t, len(attestations(&control.BuildHistoryRecord{Ref: "running"})), 0)
	got := attestations(&control.BuildHistoryRecord{
		Result: about("one", "https://slsa.dev/provenance/v1"),
		Results: map[string]*control.BuildResultInfo{
			"web": about("two", "https://slsa.dev/provenance/v0.2"), "db": about("three", "https://spdx.dev/Document"),
		},
	})
	assert.Equal(t, len(got), 2)
	assert.Equal(t, got[0].Digest, digest.Digest("two"))
	assert.Equal(t, got[1].Digest, digest.Digest("one"))
}
