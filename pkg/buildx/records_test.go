package buildx

import (
	"testing"
	"time"

	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

func TestRecordOf(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	got := recordOf(&client.UsageInfo{
		ID: "a", Size: 5, CreatedAt: at, LastUsedAt: &at, InUse: true, Parents: []string{"b"}, Description: "d",
		RecordType: client.UsageRecordTypeCacheMount,
	})
	assert.DeepEqual(t, got, CacheRecord{
		ID: "a", Type: MountRecord, Description: "d", Size: 5, CreatedAt: at, LastUsedAt: at, InUse: true, Parents: []string{"b"},
	})
	assert.DeepEqual(t, recordOf(&client.UsageInfo{ID: "a"}), CacheRecord{ID: "a", Type: RegularRecord, Parents: []string{}})
}

func TestPastBuild(t *testing.T) {
	from, to := time.Unix(100, 0).UTC(), time.Unix(107, 0).UTC()
	record := &control.BuildHistoryRecord{
		Ref: "r", CreatedAt: timestamppb.New(from),
		FrontendAttrs: map[string]string{"build-arg:A": "1", "target": "prod"},
	}
	got, ok := pastBuild(&control.BuildHistoryEvent{Record: record})
	assert.Assert(t, ok)
	assert.DeepEqual(t, got, PastBuild{Ref: "r", Args: map[string]string{"A": "1"}, Started: from})
	record.CompletedAt = timestamppb.New(to)
	got, ok = pastBuild(&control.BuildHistoryEvent{Record: record, Type: control.BuildHistoryEventType_COMPLETE})
	assert.Assert(t, ok)
	assert.Equal(t, got.Ended, to)
	_, ok = pastBuild(&control.BuildHistoryEvent{Record: record, Type: control.BuildHistoryEventType_DELETED})
	assert.Assert(t, !ok)
}

func TestBare(t *testing.T) {
	for name, want := range map[string]string{
		"[build 2/3] RUN go build":        "RUN go build",
		"[linux/arm64 1/4] WORKDIR /a":    "WORKDIR /a",
		"[base 1/3] FROM docker.io/a:1@s": "",
		"[internal] load build context":   "",
		"exporting to image":              "",
	} {
		assert.Equal(t, bare(name), want, name)
	}
}

func TestImageSources(t *testing.T) {
	one, two := llb.Image("docker.io/library/one:1"), llb.Image("docker.io/library/two:1")
	source := func(s llb.State) steps.Source {
		d, err := s.Marshal(t.Context(), llb.LinuxAmd64)
		assert.NilError(t, err)
		return steps.Source{Service: "web", Definition: d.ToPB()}
	}
	first := one.Run(llb.Shlex("true"), llb.AddMount("/two", two)).Root()
	got, err := imageSources([]steps.Source{source(first), source(one), source(llb.Scratch()), {Unknown: "no graph"}})
	assert.NilError(t, err)
	assert.Equal(t, len(got), 2)
	for _, d := range got {
		op, err := llb.NewDefinitionOp(d) // it is a graph as it is
		assert.NilError(t, err)
		again, err := llb.NewState(op).Marshal(t.Context())
		assert.NilError(t, err)
		assert.Equal(t, len(again.Def), 2)
	}
}

func TestRegistriesConfig(t *testing.T) {
	assert.Equal(t, registriesConfig(nil, nil), "")
	assert.Equal(t, registriesConfig([]string{"http://mirror:5000/", "https://other/hub/", "::"}, []string{"plain:80"}),
		`[registry."docker.io"]
mirrors = ["mirror:5000", "other/hub"]
[registry."mirror:5000"]
http = true
[registry."plain:80"]
http = true
insecure = true
`)
}
