package buildx

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/docker/buildx/util/dockerutil/dockerconfig"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/solver/pb"
	"github.com/tonistiigi/fsutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	headers "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/joint"
)

// doors are the sessions by which BuildKit gets at folders of this machine, and when it gets nothing. It tells the folders
// of clients apart by a key of the session, so there is one for each key that builds are known by.
type doors struct {
	sessions map[string]*session.Session
	main     *session.Session
	sides    map[*node]side
	stop     context.CancelFunc

	dirs map[string]filesync.StaticDirSource // by key

	// shut is set when no folder is sent any more. BuildKit waits for one that it asks for until it doesn't want it any more: an
	// error would be all that it has of the folder as long as its job lasts. Whoever waits knocks.
	shut    atomic.Bool
	knocked chan visitor
}

// visitor is closed when BuildKit doesn't want a folder any more.
type visitor <-chan struct{}

// side is how a folder is known to BuildKit.
type side struct{ key, name string }

// gateFolder is the name of a folder that BuildKit waits for.
const gateFolder = "catmandu-gate"

func openDoors(ctx context.Context, p *probe) (*doors, error) {
	own := p.live.builder.config.TryNodeIdentifier()
	d := &doors{
		sessions: map[string]*session.Session{}, sides: map[*node]side{}, dirs: map[string]filesync.StaticDirSource{own: {}},
		knocked: make(chan visitor),
	}
	for _, n := range p.graph.nodes {
		if !n.isLocal() || n.dir == "" {
			continue
		}
		files, err := fsutil.NewFS(n.dir)
		if err != nil {
			n.state, n.why = isMissing, err.Error()
			continue
		}
		at := p.sideOf(n, own)
		if d.dirs[at.key] == nil {
			d.dirs[at.key] = filesync.StaticDirSource{}
		}
		d.dirs[at.key][at.name], d.sides[n] = files, at
	}
	ctx, d.stop = context.WithCancel(ctx)
	for key := range d.dirs {
		s, err := session.NewSession(ctx, key)
		if err != nil {
			d.stop()
			return nil, err
		}
		s.Allow(&door{doors: d, dirs: d.dirs[key]})
		s.Allow(authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
			AuthConfigProvider: dockerconfig.LoadAuthConfig(p.live.builder.cli),
		}))
		d.sessions[key] = s
		go func() { _ = s.Run(ctx, p.client.Dialer()) }()
	}
	d.main = d.sessions[own]
	return d, nil
}

// sideOf finds out how the builder knows a folder: from a joint build, or from one of buildx.
func (p *probe) sideOf(n *node, own string) side {
	name := n.op.GetSource().Identifier[len(frontend.LocalScheme):]
	ours := side{own, joint.LocalName(n.dir)}
	theirs := side{filepath.Base(n.dir) + ":" + own, name}
	var jointly, alone bool
	for _, r := range p.before {
		jointly = jointly || r.Description == localDescription+ours.name
		alone = alone || r.Description == localDescription+theirs.name
	}
	if name == frontend.ContextFolder && !jointly && (alone || p.live.Driver() == "docker") {
		return theirs
	}
	return ours
}

func (d *doors) close() {
	for _, s := range d.sessions {
		closeSoon(s)
	}
	d.stop()
}

// door is what a session sends of folders.
type door struct {
	*doors
	dirs filesync.StaticDirSource
}

// Register is what a session calls.
func (d *door) Register(server *grpc.Server) { filesync.RegisterFileSyncServer(server, d) }

// DiffCopy sends a folder.
func (d *door) DiffCopy(stream filesync.FileSync_DiffCopyServer) error {
	shut := d.shut.Load()
	if name := headers.ValueFromIncomingContext(stream.Context(), "dir-name"); !shut && !slices.Contains(name, gateFolder) {
		return filesync.NewFSSyncProvider(d.dirs).(filesync.FileSyncServer).DiffCopy(stream)
	}
	gone := stream.Context().Done()
	if shut {
		select {
		case d.knocked <- gone:
		case <-gone:
		}
	}
	<-gone
	return stream.Context().Err()
}

// TarStream is what nobody asks for.
func (d *door) TarStream(filesync.FileSync_TarStreamServer) error {
	return status.Error(codes.Unimplemented, "folders are not sent as archives")
}

// sent is a folder as it is sent. What its files are found under stays in BuildKit's cache.
func (d *doors) sent(n *node) *pb.Op {
	op := n.op.CloneVT()
	source, at := op.GetSource(), d.sides[n]
	source.Identifier = frontend.LocalScheme + at.name
	if source.Attrs == nil {
		source.Attrs = map[string]string{}
	}
	if s := d.sessions[at.key]; s != nil {
		source.Attrs[pb.AttrLocalSessionID] = s.ID()
	}
	return op
}

// again is the same folder under another key, which takes away the content that the first one leads to.
func (d *doors) again(n *node) *pb.Op {
	op := d.sent(n)
	var patterns []string
	_ = json.Unmarshal([]byte(op.GetSource().Attrs[pb.AttrExcludePatterns]), &patterns)
	text, _ := json.Marshal(append(patterns, ".catmandu-no-such-file"))
	op.GetSource().Attrs[pb.AttrExcludePatterns] = string(text)
	return op
}

// barred is the folder as sent, of which only what is in the cache can be had. The hint is no part of the key.
func (d *doors) barred(n *node) *pb.Op {
	op := d.sent(n)
	op.GetSource().Attrs[pb.AttrSharedKeyHint] = gateFolder
	return op
}

// waiting is a source that BuildKit waits for.
func (d *doors) waiting() *pb.Op {
	return &pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{
		Identifier: frontend.LocalScheme + gateFolder,
		Attrs:      map[string]string{pb.AttrLocalSessionID: d.main.ID(), pb.AttrSharedKeyHint: gateFolder},
	}}}
}

// folders are the nodes whose folders can be sent, by how these are known.
func (d *doors) folders() map[side][]*node {
	out := map[side][]*node{}
	for n, at := range d.sides {
		out[at] = append(out[at], n)
	}
	return out
}
