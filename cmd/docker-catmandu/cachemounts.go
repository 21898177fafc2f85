package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/courier"
	"github.com/docker-catmandu/docker-catmandu/pkg/depot"
	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/mounts"
	"github.com/docker-catmandu/docker-catmandu/pkg/porter"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

const cacheLong = `Keep what is in the cache mounts of the project (RUN --mount=type=cache) outside of the builder: in a folder, or in a repository
of a registry. So a fresh builder begins with it.

A mount is stored by its ID, its platforms and the content of the lock files (package-lock.json, go.sum, requirements.txt and so on)
that its steps, or steps they are built on, copy or mount. What is stored for other lock files is the next best thing.`

func newCacheCommand(a *app, project *projectFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache COMMAND",
		Short: "Save and restore cache mounts",
		Long:  cacheLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.AddCommand(newCacheSaveCommand(a, project), newCacheRestoreCommand(a, project), newCacheListCommand(a), newCacheRemoveCommand(a))
	return cmd
}

// storeFlag says where the contents of mounts are kept.
type storeFlag struct{ name, value string }

func (f *storeFlag) add(flags *pflag.FlagSet) {
	f.name = "store"
	flags.StringVar(&f.value, f.name, "", "Where they are kept: local=FOLDER, registry=REPOSITORY or local (default: local, a folder in the user's cache)")
}

// storeHere is the folder that is taken when nothing else is said.
const storeHere = "local"

// open finds the place; builder is the one whose settings of registries count.
func (f *storeFlag) open(a *app, builder string) (*depot.Depot, error) {
	kind, where, _ := strings.Cut(f.value, "=")
	switch {
	case f.value == "" || f.value == storeHere:
		cache, err := cacheDir()
		return depot.Folder(filepath.Join(cache, "mounts")), err
	case where == "" || kind != "local" && kind != "registry":
		return nil, usageError("--%s %s: must be local=FOLDER or registry=REPOSITORY", f.name, f.value)
	case kind == "local":
		dir, err := filepath.Abs(where)
		return depot.Folder(dir), err
	}
	hosts, err := a.registries(cmp.Or(builder, os.Getenv("BUILDX_BUILDER")))
	if err != nil {
		return nil, err
	}
	return depot.Repository(where, hosts)
}

// carriage carries the contents of mounts between a builder and a store.
type carriage struct {
	from    planFlags
	builder string
	store   storeFlag
	format  format

	app    *app
	live   *buildx.Live
	depot  *depot.Depot
	mounts []mounts.Mount
	helper buildx.Program
	cache  string
}

func (c *carriage) add(cmd *cobra.Command, a *app, verb string) {
	flags := cmd.Flags()
	flags.StringArrayVar(&c.from.targets, "target", nil, "Stage that is built: prod, dev, or the name of a stage; SERVICE=STAGE for one service")
	flags.StringArrayVar(&c.from.args, "build-arg", nil, "Set build-time variables, NAME=VALUE or NAME")
	flags.StringArrayVar(&c.from.platforms, "platform", nil, "Target platforms, in place of those in the files")
	flags.StringVar(&c.builder, "builder", "", "Builder to "+verb)
	c.store.add(flags)
	c.format.add(flags, "table", "json")
	completeTargets(cmd, &c.from)
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
}

// starter is a builder that can be started.
type starter interface{ Start(context.Context) error }

// prepare finds out what there is to carry; start says that a builder which does not run is to be started.
func (c *carriage) prepare(ctx context.Context, services []string, start bool) error {
	var err error
	if c.depot, err = c.store.open(c.app, c.builder); err != nil {
		return err
	}
	plan, project, err := c.from.plan(ctx, services)
	if err != nil {
		return err
	}
	c.app.warn(plan, project)
	b, err := c.app.open(ctx, cmp.Or(c.builder, os.Getenv("BUILDX_BUILDER")), plan.Dir)
	if err != nil {
		return err
	}
	live, err := b.Live(ctx)
	if s, can := b.(starter); can && start && errors.Is(err, buildx.ErrNotRunning) {
		if err := s.Start(ctx); err != nil {
			return err
		}
		live, err = b.Live(ctx)
	}
	if err != nil {
		return err
	}
	if err := c.look(ctx, live, plan); err != nil {
		return err
	}
	if len(c.mounts) == 0 {
		fmt.Fprintln(c.app.err, "no cache mounts: no step of these targets has RUN --mount=type=cache")
	}
	return nil
}

// look finds the mounts of a plan, and what runs beside them.
func (c *carriage) look(ctx context.Context, live *buildx.Live, plan *targets.Plan) (err error) {
	c.live = live
	if c.cache, err = cacheDir(); err != nil {
		return err
	}
	images := frontend.NewMemory(imagesFile(c.cache))
	sources, err := live.Graphs(ctx, plan, buildx.Asking{Found: images.Watching})
	if err != nil {
		return err
	}
	for _, s := range sources {
		if s.Unknown != "" {
			fmt.Fprintf(c.app.err, "warning: service %q: its cache mounts are not known: %s\n", s.Service, s.Unknown)
		}
	}
	if err := c.find(ctx, sources); err != nil || len(c.mounts) == 0 {
		return err
	}
	if nodes := live.Nodes(); len(nodes) > 1 {
		fmt.Fprintf(c.app.err, "warning: builder %q has %d nodes: only the cache mounts of its first one, %s, are saved and restored\n",
			live.Name(), len(nodes), nodes[0])
	}
	c.helper, err = helperFor(live)
	return err
}

func (c *carriage) find(ctx context.Context, sources []steps.Source) error {
	o := &outlook{}
	if err := o.makeGraphs(ctx, sources, c.cache, steps.Rules{Plain: c.live.Plain()}); err != nil {
		return err
	}
	var err error
	c.mounts, err = mounts.New(sources, o.graphs, c.live.OS+"/"+c.live.Arch)
	return err
}

func keyOf(m mounts.Mount) depot.Key {
	return depot.Key{Platform: strings.Join(m.Platforms, ","), Mount: m.ID, Base: m.On, Locks: m.LocksDigest}
}

func (c *carriage) mountOf(m mounts.Mount) buildx.CacheMount {
	return buildx.CacheMount{ID: m.ID, Target: m.Target, Shared: m.IsShared(), Base: m.Base, Selector: m.Selector, Folders: m.Folders}
}

// memory is of the files of a mount in this builder.
func (c *carriage) memory(m mounts.Mount) *courier.Memory {
	k := keyOf(m)
	k.Locks = ""
	sum := sha256.Sum256([]byte(c.live.ID + "\x00" + k.Name()))
	return &courier.Memory{Path: filepath.Join(c.cache, "mounts-seen", hex.EncodeToString(sum[:16]))}
}

// beside talks with a helper beside a mount.
func (c *carriage) beside(ctx context.Context, m mounts.Mount, talk func(context.Context, porter.Helper) error) error {
	return c.live.Beside(ctx, c.helper, c.mountOf(m), func(ctx context.Context, in io.Writer, out io.Reader) error {
		return talk(ctx, porter.Helper{In: in, Out: out, Dir: filepath.ToSlash(filepath.Clean(m.Target))})
	})
}

// carried is what became of a mount.
type carried struct {
	mounts.Mount
	// Result is one of those below.
	Result string `json:"result"`
	Error  string `json:"error,omitempty"`
	// Name is that of what is stored, Exact says that it is of the same lock files.
	Name  string `json:"name,omitempty"`
	Exact bool   `json:"exact"`
	Files int    `json:"files"`
	// Bytes are those of the files, Moved those that were stored or sent, Read those that had to be looked at.
	Bytes int64 `json:"bytes"`
	Moved int64 `json:"moved"`
	Read  int64 `json:"read"`
	// Skipped are sockets, and files that somebody was writing to.
	Skipped []string `json:"skipped"`
}

func (d *carried) of(p *depot.Parcel) {
	d.Name, d.Files, d.Bytes, d.Exact = p.Name, p.Files, p.Bytes, p.Locks == d.LocksDigest
}

// each carries all mounts, one after the other: each takes all that the machine has. What fails does not stop the others.
func (c *carriage) each(ctx context.Context, carry func(context.Context, *carried) error) ([]carried, error) {
	out := []carried{}
	var errs []error
	for _, m := range c.mounts {
		d := carried{Mount: m, Skipped: []string{}}
		if err := carry(ctx, &d); err != nil {
			if ctx.Err() != nil {
				return out, context.Cause(ctx)
			}
			d.Result, d.Error = failed, err.Error()
			errs = append(errs, fmt.Errorf("cache mount %q: %w", m.ID, err))
		}
		out = append(out, d)
	}
	return out, errors.Join(errs...)
}

// What becomes of mounts.
const (
	mountSaved, mountUnchanged, mountEmpty = "saved", "unchanged", "empty"
	// mountKept was left alone, as something is in it.
	mountRestored, mountKept = "restored", "kept"
	// mountMissing is not there to be saved, or not stored.
	mountMissing = "nothing"
	// mountBusy was left alone by a build, as another one has it.
	mountBusy = "in use"
	failed    = "failed"
)

// print prints what became of all.
func (c *carriage) print(all []carried) error {
	if c.format.value == "json" {
		return printJSON(c.app.out, struct {
			Store  string    `json:"store"`
			Mounts []carried `json:"mounts"`
		}{c.depot.Name, all})
	}
	if len(all) == 0 {
		return nil
	}
	rows := [][]string{{"mount", "result", "files", "size", "moved", "stored as"}}
	for _, d := range all {
		row := []string{d.ID, d.Result, "", "", "", d.Name}
		if d.Name != "" {
			row = []string{d.ID, d.Result, fmt.Sprint(d.Files), size(d.Bytes), size(d.Moved), d.Name}
		}
		rows = append(rows, row)
	}
	return table(c.app.out, rows)
}
