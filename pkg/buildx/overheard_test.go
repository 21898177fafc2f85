package buildx

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	"github.com/docker/buildx/util/progress"
	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"
	"gotest.tools/v3/assert"
)

// answering is a BuildKit of which a build began long ago by its clock, and which names the parents of records as old ones do.
type answering struct {
	control.UnimplementedControlServer
	began time.Time
}

func (a *answering) Status(_ *control.StatusRequest, s control.Control_StatusServer) error {
	at := func(seconds int) *timestamppb.Timestamp {
		return timestamppb.New(a.began.Add(time.Duration(seconds) * time.Second))
	}
	for _, v := range []*control.Vertex{
		{Digest: "sha256:load", Name: "[internal] load build definition", Started: at(0)},
		{Digest: "sha256:load", Name: "[internal] load build definition", Started: at(0), Completed: at(1)},
		{Digest: "sha256:run", Name: "[1/1] RUN a", Started: at(1), Completed: at(4)},
	} {
		if err := s.Send(&control.StatusResponse{Vertexes: []*control.Vertex{v}}); err != nil {
			return err
		}
	}
	return nil
}

var oldRecords = []*control.UsageRecord{
	{ID: "base"},
	{ID: "on it", Parent: "base"}, // as old BuildKits do
	{ID: "new", Parents: []string{"a", "b"}},
}

func (a *answering) DiskUsage(context.Context, *control.DiskUsageRequest) (*control.DiskUsageResponse, error) {
	return &control.DiskUsageResponse{Record: oldRecords}, nil
}

func (a *answering) Prune(_ *control.PruneRequest, s control.Control_PruneServer) error {
	for _, r := range oldRecords {
		if err := s.Send(r); err != nil {
			return err
		}
	}
	return nil
}

// reaching is a driver that reaches a BuildKit at an address.
type reaching struct {
	driver.Driver
	address string
}

func (d reaching) Client(ctx context.Context, opts ...client.ClientOpt) (*client.Client, error) {
	return client.New(ctx, d.address, opts...)
}

// preparing is one of a service's drivers.
type preparing struct{ reaching }

func (preparing) PrepareBuild(context.Context, *driver.PrepareBuildOptions) error { return nil }

func (a *answering) overheard(t *testing.T) *client.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	assert.NilError(t, err)
	s := grpc.NewServer()
	control.RegisterControlServer(s, a)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	nodes := []builder.Node{{Driver: &driver.DriverHandle{Driver: reaching{address: "unix://" + path}}}, {}}
	overhear(nodes)
	c, err := nodes[0].Driver.Client(t.Context())
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, c.Close()) })
	return c
}

// seeing is a display that keeps what it is shown.
type seeing struct {
	progress.Writer
	shown []*client.SolveStatus
}

func (s *seeing) Write(status *client.SolveStatus) { s.shown = append(s.shown, status) }

// buildx moves the times of a build to when it began it; what a step did by the builder's clock is known nonetheless.
func TestTimesByTheBuildersClock(t *testing.T) {
	a := &answering{began: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	s, err := a.overheard(t).ControlClient().Status(t.Context(), &control.StatusRequest{})
	assert.NilError(t, err)
	display := &seeing{}
	r := newRecorder(display, []string{"web"})
	moving, still := progress.ResetTime(progress.Writer(r)), newRecorder(sink{}, []string{"web"})
	for answer, err := s.Recv(); err == nil; answer, err = s.Recv() {
		moving.Write(client.NewSolveStatus(answer))
		still.Write(client.NewSolveStatus(answer))
	}
	step := r.all()[0]
	assert.Assert(t, step.Started.After(a.began.AddDate(1, 0, 0)), "buildx did not move it")
	assert.Assert(t, step.Started.Add(step.Moved).Equal(a.began.Add(time.Second)), "%s + %s", step.Started, step.Moved)
	assert.Equal(t, step.Seconds, 3.0)
	step = still.all()[0]
	assert.Assert(t, step.Started.Equal(a.began.Add(time.Second)))
	assert.Equal(t, step.Moved, time.Duration(0))
	for _, status := range display.shown {
		assert.Equal(t, len(status.Statuses), 0, "the display sees the mark")
	}
}

func TestParentsOfOldBuildKits(t *testing.T) {
	c := (&answering{}).overheard(t)
	want := map[string][]string{"base": nil, "on it": {"base"}, "new": {"a", "b"}}
	records, err := c.DiskUsage(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(records), len(want))
	for _, r := range records {
		assert.DeepEqual(t, r.Parents, want[r.ID])
	}
	gone := make(chan client.UsageInfo, len(want))
	assert.NilError(t, c.Prune(t.Context(), gone))
	close(gone)
	for r := range gone {
		assert.DeepEqual(t, r.Parents, want[r.ID])
	}
}

// The driver of a service is asked for more than a driver, and must not be hidden.
func TestServicesAreNotOverheard(t *testing.T) {
	nodes := []builder.Node{{Driver: &driver.DriverHandle{Driver: preparing{}}}, {Driver: &driver.DriverHandle{Driver: reaching{}}}}
	overhear(nodes)
	overhear(nodes) // twice is once
	_, prepares := nodes[0].Driver.Driver.(driver.BuildPreparer)
	assert.Assert(t, prepares)
	once, is := nodes[1].Driver.Driver.(overheard)
	assert.Assert(t, is)
	_, twice := once.Driver.(overheard)
	assert.Assert(t, !twice)
}
