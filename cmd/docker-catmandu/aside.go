package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// aside is what builds of the project left on this machine beside the cache of the builder, and what bench left of any project.
type aside struct {
	CacheFolders []cacheFolder `json:"cacheFolders"`
	Layouts      []imageLayout `json:"layouts"`
	Leftovers    []leftover    `json:"leftovers"`

	cli lab.Options
}

// cacheFolder is a folder that caches are exported to, or imported from.
type cacheFolder struct {
	*buildx.Blobs
	// Class is one of package usage's. Unknown is a folder that no current target names, though a build of this project wrote to it.
	Class    string   `json:"class"`
	Services []string `json:"services"`
	// Others are the names of other projects whose builds wrote to it.
	Others []string `json:"others"`
	// Own says that a build of this project wrote to it, or that a current target is to.
	Own bool   `json:"own"`
	Why string `json:"why,omitempty"`
	// roots are digests by which targets import from it.
	roots []string
}

// imageLayout is an OCI layout that a build wrote an image to.
type imageLayout struct {
	*buildx.Blobs
	Class   string `json:"class"`
	Service string `json:"service"`
}

// leftover is what a process left that came to no end.
type leftover struct {
	// Kind is bench, files for a temporary folder, or image for one that was being written.
	Kind    string    `json:"kind"`
	What    string    `json:"what"`
	Project string    `json:"project,omitempty"`
	Started time.Time `json:"startedAt,omitzero"`
	// Size is in bytes; 0 where that can't be known.
	Size    int64  `json:"size"`
	Unknown string `json:"notKnown,omitempty"`
	// id is that of bench's session, path what of another kind is removed by.
	id, path string
}

// aside looks for it. unknown says what could not be looked at.
func (a *app) aside(ctx context.Context, cache, builder string, plans []*targets.Plan) (_ *aside, unknown []string, err error) {
	own := projectDir(cache, plans[0])
	noted, err := readPlaces(own)
	if err != nil {
		return nil, nil, err
	}
	others, err := othersPlaces(cache, own)
	if err != nil {
		return nil, nil, err
	}
	out := &aside{Leftovers: []leftover{}}
	if out.CacheFolders, unknown, err = cacheFolders(plans, noted, others); err != nil {
		return nil, nil, err
	}
	var notRead []string
	out.Layouts, notRead = layouts(plans, noted, layoutDir(cache, plans[0]))
	unknown = append(unknown, notRead...)
	if out.cli, err = a.lab(builder, plans[0].Dir); err != nil {
		return nil, nil, err
	}
	left, err := lab.Leftovers(ctx, out.cli)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		unknown = append(unknown, "leftovers of bench: "+err.Error())
	}
	for _, l := range left {
		out.Leftovers = append(out.Leftovers, leftover{
			Kind: "bench", What: l.What, Project: l.Project, Started: l.Started, Size: l.Size, Unknown: l.Unknown, id: l.ID,
		})
	}
	for _, dir := range leftScratches(scratchNotes()) {
		out.Leftovers = append(out.Leftovers, leftFolder("files", dir, dir))
	}
	for _, path := range imagePlaces(noted, layoutDir(cache, plans[0])) {
		for _, dir := range buildx.Parts(path) {
			l := leftFolder("image", dir, path)
			l.Project = plans[0].Project
			out.Leftovers = append(out.Leftovers, l)
		}
	}
	return out, unknown, nil
}

func leftFolder(kind, dir, path string) leftover {
	l := leftover{Kind: kind, What: dir, path: path, Size: lab.SizeBelow(dir)}
	if info, err := os.Stat(dir); err == nil {
		l.Started = info.ModTime()
	}
	return l
}

// cacheFolders are those that current targets name and that past builds wrote to, by path.
func cacheFolders(plans []*targets.Plan, noted []folderNote, others map[string][]string) (_ []cacheFolder, unknown []string, err error) {
	all := map[string]*cacheFolder{}
	at := func(dir string) *cacheFolder {
		dir = realPath(dir)
		if all[dir] == nil {
			all[dir] = &cacheFolder{Class: usage.Unknown, Services: []string{}, Others: append([]string{}, others[dir]...), Why: "no current target names it"}
		}
		return all[dir]
	}
	for _, p := range plans {
		for _, t := range p.Targets {
			folders, err := buildx.CacheFolders(t)
			if err != nil {
				return nil, nil, err
			}
			for _, f := range folders {
				c := at(f.Dir)
				c.Class, c.Why, c.Own = usage.Used, "", c.Own || f.Written
				c.add(t.Service)
				if f.Digest != "" {
					c.roots = append(c.roots, f.Digest)
				}
			}
		}
	}
	for _, p := range noted {
		if p.Kind == cachePlace {
			c := at(p.Dir)
			c.Own = true
			c.add(p.Service)
		}
	}
	out := []cacheFolder{}
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		c := all[dir]
		if len(c.Others) > 0 {
			c.Class = usage.Shared
		}
		c.Blobs, err = buildx.ReadBlobs(dir, c.roots...)
		switch {
		case errors.Is(err, fs.ErrNotExist): // nothing was exported yet
		case err != nil:
			unknown = append(unknown, "cache folder: "+err.Error())
		default:
			out = append(out, *c)
		}
	}
	return out, unknown, nil
}

func (c *cacheFolder) add(service string) {
	if !slices.Contains(c.Services, service) {
		c.Services = append(c.Services, service)
		slices.Sort(c.Services)
	}
}

// imagePlaces are the layouts that builds of the project wrote to, or began to.
func imagePlaces(noted []folderNote, dir string) []string {
	var out []string
	for _, p := range noted {
		if p.Kind == layoutPlace {
			out = append(out, p.Dir)
		}
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		name := e.Name()
		if part, _, ok := strings.Cut(strings.TrimPrefix(name, "."), ".part-"); ok {
			name = part
		}
		if e.IsDir() && name[0] != '.' {
			out = append(out, filepath.Join(dir, name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// layouts are the OCI layouts of the project.
func layouts(plans []*targets.Plan, noted []folderNote, dir string) (out []imageLayout, unknown []string) {
	out = []imageLayout{}
	service := map[string]string{}
	for _, p := range noted {
		service[p.Dir] = p.Service
	}
	for _, path := range imagePlaces(noted, dir) {
		l := imageLayout{Class: usage.Unknown, Service: cmp.Or(service[path], filepath.Base(path))}
		var err error
		l.Blobs, err = buildx.ReadBlobs(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			unknown = append(unknown, "OCI layout: "+err.Error())
			continue
		}
		for _, p := range plans {
			if slices.ContainsFunc(p.Targets, func(t targets.Target) bool { return t.Service == l.Service }) {
				l.Class = usage.Used
			}
		}
		out = append(out, l)
	}
	return out, unknown
}
