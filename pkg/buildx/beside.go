package buildx

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/tonistiigi/fsutil"
)

// CacheMount is one that steps have.
type CacheMount struct {
	// ID is BuildKit's. Target is where steps have it, and a process beside it too.
	ID, Target string
	// Shared says that all steps share it. Any other is waited for until nobody has it.
	Shared bool
	// Base makes what a new one is; nil for nothing. Folders are the local ones that it is made of, by their names there.
	Base     *pb.Definition
	Selector string
	Folders  map[string]string
}

// HasMount tells whether a builder has a cache mount already. Older BuildKits don't say of what ID a mount is; there any with the same
// target counts.
func (l *Live) HasMount(ctx context.Context, m CacheMount) (bool, error) {
	records, err := l.clients[0].DiskUsage(ctx) // old ones don't filter by type
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(records, func(r *client.UsageInfo) bool { return isOf(m, r.Description) }), nil
}

// WouldWait tells whether somebody has a mount that Beside would have to wait for.
func (l *Live) WouldWait(ctx context.Context, m CacheMount) (bool, error) {
	if m.Shared {
		return false, nil
	}
	records, err := l.clients[0].DiskUsage(ctx)
	return slices.ContainsFunc(records, func(r *client.UsageInfo) bool { return r.InUse && isOf(m, r.Description) }), err
}

func isOf(m CacheMount, description string) bool {
	at, of := strings.CutPrefix(description, "cached mount ")
	if !of || strings.Contains(at, ` with id "`) {
		return of && strings.HasSuffix(at, fmt.Sprintf(" with id %q", m.ID))
	}
	return strings.HasPrefix(at, m.ID+" from ") || strings.HasPrefix(at, m.Target+" from ")
}

// Program is one that needs nothing to run but a kernel.
type Program struct {
	Args []string
	// Text is the program itself. Where it is too large to be sent with a question, it is empty, and the program lies at Path.
	Text []byte
	Path string
}

// Beside runs a program beside a cache mount, with nothing else around it: no image, no network. talk speaks with it, and the program
// is ended when that returns.
//
// A shared mount is taken as steps take it, and is theirs at the same time. BuildKit would give a step that wants a shared mount
// which is locked another one, a new one; so it is never locked. All others are locked: where a private one is in use, BuildKit
// would give us another, and so we wait.
func (l *Live) Beside(ctx context.Context, p Program, m CacheMount, talk func(context.Context, io.Writer, io.Reader) error) error {
	mounts := map[string]fsutil.FS{}
	folders := maps.Clone(m.Folders)
	if len(p.Text) == 0 {
		if folders == nil {
			folders = map[string]string{}
		}
		folders[helperFolder] = filepath.Dir(p.Path)
	}
	for name, dir := range folders {
		var err error
		if mounts[name], err = fsutil.NewFS(dir); err != nil {
			return err
		}
	}
	var failed error // as it was, and not as BuildKit's client passes it on
	err := l.converse(ctx, client.SolveOpt{LocalMounts: mounts}, func(ctx context.Context, gw gateway.Client) error {
		c, err := contain(ctx, gw, p, m)
		if err != nil {
			return err
		}
		defer func() { _ = c.Release(context.WithoutCancel(ctx)) }()
		failed = run(ctx, c, append([]string{helperFile}, p.Args...), talk)
		return failed
	})
	return cmp.Or(failed, err)
}

const (
	// helperFolder is what BuildKit calls the folder that has the program. It keeps what it got the last time.
	helperFolder = "catmandu-helper"
	helperFile   = "/catmandu-helper"
)

// root is a file system with nothing but the program. It is copied there from a folder, so that BuildKit can go on with its copy of that.
func (p Program) root() llb.State {
	named := llb.WithCustomName("[internal] load helper")
	if len(p.Text) > 0 {
		return llb.Scratch().File(llb.Mkfile(helperFile, 0o755, p.Text), named)
	}
	file := filepath.Base(p.Path)
	from := llb.Local(helperFolder, llb.FollowPaths([]string{file}), llb.SharedKeyHint(helperFolder), named)
	return llb.Scratch().File(llb.Copy(from, "/"+file, helperFile), named)
}

// contain makes a container with the program and the mount.
func contain(ctx context.Context, gw gateway.Client, p Program, m CacheMount) (gateway.Container, error) {
	d, err := marshal(ctx, p.root())
	if err != nil {
		return nil, err
	}
	root, err := result(ctx, gw, d)
	if err != nil {
		return nil, err
	}
	sharing := pb.CacheSharingOpt_LOCKED
	if m.Shared {
		sharing = pb.CacheSharingOpt_SHARED
	}
	mount := gateway.Mount{
		Dest: path.Clean(m.Target), MountType: pb.MountType_CACHE, Selector: m.Selector,
		CacheOpt: &pb.CacheOpt{ID: m.ID, Sharing: sharing},
	}
	if m.Base != nil {
		if mount.Ref, err = result(ctx, gw, m.Base); err != nil {
			return nil, fmt.Errorf("what it is made on: %w", err)
		}
	}
	return gw.NewContainer(ctx, gateway.NewContainerRequest{
		NetMode: pb.NetMode_NONE,
		Mounts:  []gateway.Mount{{Dest: pb.RootMount, MountType: pb.MountType_BIND, Ref: root}, mount},
	})
}

func result(ctx context.Context, gw gateway.Client, d *pb.Definition) (gateway.Reference, error) {
	res, err := gw.Solve(ctx, gateway.SolveRequest{Definition: d, Evaluate: true})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// run runs a process and talks with it. When it ends, what is said to it or waited for from it ends too.
func run(ctx context.Context, c gateway.Container, args []string, talk func(context.Context, io.Writer, io.Reader) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, out := newStream(), newStream()
	complaints := &tail{}
	process, err := c.Start(ctx, gateway.StartRequest{Args: args, Cwd: "/", Stdin: io.NopCloser(in), Stdout: out, Stderr: complaints})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		err := process.Wait()
		in.end(io.ErrClosedPipe)
		out.end(io.EOF)
		ended <- err
	}()
	err = talk(ctx, in, out)
	in.end(io.EOF)
	out.end(io.ErrClosedPipe)
	if err != nil {
		cancel() // it may wait for more
	}
	if failed := <-ended; err != nil && failed != nil && len(complaints.text) > 0 {
		err = fmt.Errorf("%w (%s)", err, bytes.TrimSpace(complaints.text))
	} else if err == nil {
		err = failed
	}
	return err
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

// Write keeps so much of it.
func (t *tail) Write(b []byte) (int, error) {
	const most = 4 << 10
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(b), nil
}

// Close does nothing: what was written stays.
func (t *tail) Close() error { return nil }
