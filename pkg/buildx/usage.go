package buildx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	contentproxy "github.com/containerd/containerd/v2/core/content/proxy"
	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	resources "github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"
)

// usageTimeout bounds the look into the history: a build that is done does not wait for a busy builder.
const usageTimeout = 2 * time.Second

// Usage is what a step took of the machine; 0 is unknown.
type Usage struct {
	CPUSeconds float64
	// PeakMemory is in bytes, and so is IOBytes, which is what was read and written.
	PeakMemory, IOBytes int64
}

// Usage is what the steps of a build took, by the digests of their vertices. ref is that of a TargetResult. Builders count
// this for RUN steps on cgroup v2; those that don't, or that keep no history, know of nothing, which is no error.
func (l *Live) Usage(ctx context.Context, ref string) (map[string]Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	ref = ref[strings.LastIndex(ref, "/")+1:]
	out := map[string]Usage{}
	if ref == "" { // BuildKit would tell of all builds
		return out, nil
	}
	for _, c := range l.clients {
		predicates, err := provenance(ctx, c, ref)
		if grpcerrors.Code(err) == codes.Unimplemented {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("history record %s: %w", ref, err)
		}
		for _, p := range predicates {
			used, err := usageOf(p)
			if err != nil {
				return nil, fmt.Errorf("history record %s: %w", ref, err)
			}
			maps.Copy(out, used)
		}
	}
	return out, nil
}

// provenance reads what the history record of a build says of how its results were made. BuildKit writes that for every build,
// whatever provenance its images have.
func provenance(ctx context.Context, c *client.Client, ref string) ([][]byte, error) {
	events, err := c.ControlClient().ListenBuildHistory(ctx, &control.BuildHistoryRequest{Ref: ref, EarlyExit: true})
	if err != nil {
		return nil, err
	}
	store := contentproxy.NewContentStore(c.ContentClient())
	var out [][]byte
	for {
		event, err := events.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for _, d := range attestations(event.Record) {
			text, err := content.ReadBlob(ctx, store, d)
			if err != nil {
				return nil, err
			}
			out = append(out, text)
		}
	}
}

// attestations are those of a record that say how a result was made; a record whose build still runs has none.
func attestations(r *control.BuildHistoryRecord) []ocispecs.Descriptor {
	results := append(slices.Collect(maps.Values(r.GetResults())), r.GetResult())
	var out []ocispecs.Descriptor
	for _, result := range results {
		for _, a := range result.GetAttestations() {
			if strings.HasPrefix(a.Annotations["in-toto.io/predicate-type"], "https://slsa.dev/provenance/") {
				out = append(out, ocispecs.Descriptor{MediaType: a.MediaType, Digest: digest.Digest(a.Digest), Size: a.Size})
			}
		}
	}
	return out
}

// buildConfig is what is read of BuildKit's type of that name. The steps' operations are left out: a newer builder may have
// some that this program could not decode.
type buildConfig struct {
	Steps []struct {
		ID    string             `json:"id"`
		Usage *resources.Samples `json:"resourceUsage"`
	} `json:"llbDefinition"`
	// IDs are by the digest of the vertex.
	IDs map[string]string `json:"digestMapping"`
}

// usageOf finds in a provenance predicate, of SLSA 1 or 0.2, what steps took.
func usageOf(predicate []byte) (map[string]Usage, error) {
	var p struct {
		Old   buildConfig `json:"buildConfig"`
		Build struct {
			Internal struct {
				Config buildConfig `json:"buildConfig"`
			} `json:"internalParameters"`
		} `json:"buildDefinition"`
	}
	if err := json.Unmarshal(predicate, &p); err != nil {
		return nil, fmt.Errorf("provenance: %w", err)
	}
	out := map[string]Usage{}
	for _, config := range []buildConfig{p.Old, p.Build.Internal.Config} {
		byID := map[string]Usage{}
		for _, s := range config.Steps {
			byID[s.ID] = total(s.Usage)
		}
		for vertex, id := range config.IDs {
			if u := byID[id]; u != (Usage{}) {
				out[vertex] = u
			}
		}
	}
	return out, nil
}

// total sums up samples, whose counters run from the start of the step. The last sample may lack some: its cgroup was going.
func total(samples *resources.Samples) Usage {
	var u Usage
	if samples == nil {
		return u
	}
	for _, s := range samples.Samples {
		if s == nil {
			continue
		}
		if cpu := s.CPUStat; cpu != nil && cpu.UsageNanos != nil {
			u.CPUSeconds = time.Duration(*cpu.UsageNanos).Seconds()
		}
		if memory := s.MemoryStat; memory != nil && memory.Peak != nil {
			u.PeakMemory = max(u.PeakMemory, int64(*memory.Peak))
		}
		if io := s.IOStat; io != nil && (io.ReadBytes != nil || io.WriteBytes != nil) {
			u.IOBytes = bytesOf(io.ReadBytes) + bytesOf(io.WriteBytes)
		}
	}
	return u
}

func bytesOf(n *uint64) int64 {
	if n == nil {
		return 0
	}
	return int64(*n)
}
