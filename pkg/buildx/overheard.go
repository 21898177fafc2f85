package buildx

import (
	"context"
	"slices"
	"time"

	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// overheard is a driver whose answers are completed on their way to BuildKit's client and to buildx, which lose two things.
//
// buildx moves all times of a build so that it begins when buildx began it, by another length for each target, and by half a second
// where the builder is slow to take its files. The cache records that steps made are found by the builder's own clock. So every status
// gets a mark whose time is known: what becomes of that tells the length.
//
// And a BuildKit older than v0.10 names the one parent of a record in a field that clients no longer read.
type overheard struct{ driver.Driver }

// overhear lets all nodes be overheard. The drivers of services, which have more than one method for a client, are left as they are.
func overhear(nodes []builder.Node) {
	for _, n := range nodes {
		if n.Driver == nil {
			continue
		}
		switch n.Driver.Driver.(type) {
		case driver.BuildPreparer, driver.UncachedClientDriver, overheard:
		default:
			n.Driver.Driver = overheard{n.Driver.Driver}
		}
	}
}

// Client connects to the node.
func (d overheard) Client(ctx context.Context, opts ...client.ClientOpt) (*client.Client, error) {
	return d.Driver.Client(ctx, append(opts,
		client.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(completeAnswer)),
		client.WithGRPCDialOption(grpc.WithChainStreamInterceptor(completeAnswers)))...)
}

func completeAnswer(
	ctx context.Context, method string, request, answer any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	err := invoke(ctx, method, request, answer, conn, opts...)
	if usage, ok := answer.(*control.DiskUsageResponse); ok && err == nil {
		for _, r := range usage.Record {
			nameParents(r)
		}
	}
	return err
}

func completeAnswers(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s, err := open(ctx, desc, conn, method, opts...)
	if err != nil {
		return nil, err
	}
	return completed{s}, nil
}

// completed is a stream of answers.
type completed struct{ grpc.ClientStream }

// RecvMsg receives the next answer.
func (s completed) RecvMsg(answer any) error {
	if err := s.ClientStream.RecvMsg(answer); err != nil {
		return err
	}
	switch a := answer.(type) {
	case *control.StatusResponse:
		mark(a)
	case *control.UsageRecord:
		nameParents(a)
	}
	return nil
}

func nameParents(r *control.UsageRecord) {
	if old := r.Parent; old != "" && len(r.Parents) == 0 { //nolint:staticcheck // deprecated, and all that an old BuildKit fills in
		r.Parents = []string{old}
	}
}

// markID is the ID of a status that was put in, at a time that is no time of a build.
const markID = "docker-catmandu: is this 1970?"

var markTime = time.Unix(0, 0)

func mark(answer *control.StatusResponse) {
	if len(answer.Vertexes) > 0 {
		known := &control.VertexStatus{ID: markID, Vertex: answer.Vertexes[0].Digest, Timestamp: timestamppb.New(markTime)}
		answer.Statuses = append(answer.Statuses, known)
	}
}

// unmark takes the mark from a status, and tells by how much buildx moved its times into the past.
func unmark(s *client.SolveStatus) (moved time.Duration) {
	s.Statuses = slices.DeleteFunc(s.Statuses, func(st *client.VertexStatus) bool {
		if st.ID != markID {
			return false
		}
		moved = markTime.Sub(st.Timestamp)
		return true
	})
	return moved
}
