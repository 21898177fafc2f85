package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// asidePlan is what goes of an aside.
type asidePlan struct {
	Folders   []folderPlan `json:"folders"`
	Leftovers []leftover   `json:"leftovers"`
	// RemovedFolders and RemovedLeftovers are those of which what was planned is gone, and FreedFolders is how much room that made.
	RemovedFolders   []string `json:"removedFolders"`
	RemovedLeftovers []string `json:"removedLeftovers"`
	FreedFolders     int64    `json:"freedFolders"`
	// KeptFolders says why folders stay of which something could go, by path.
	KeptFolders map[string]string `json:"keptFolders"`

	cli lab.Options
}

// folderPlan is what goes of a folder of blobs.
type folderPlan struct {
	Dir string `json:"dir"`
	// What is cache or layout. Whole says that all of it goes, and not only what its index does not lead to.
	What  string `json:"what"`
	Whole bool   `json:"whole"`
	Bytes int64  `json:"bytes"`
	Blobs int    `json:"blobs,omitempty"`

	roots []string
	older time.Time
}

// plan says what goes: what no index leads to in folders of this project, leftovers, and with All its cache folders.
func (x *aside) plan(s usage.Selection, project string, now time.Time) *asidePlan {
	p := &asidePlan{
		Folders: []folderPlan{}, Leftovers: []leftover{}, RemovedFolders: []string{}, RemovedLeftovers: []string{}, KeptFolders: map[string]string{},
		cli: x.cli,
	}
	if len(s.Stages) > 0 || s.Mounts || s.MaxUsed > 0 {
		return p
	}
	older := now
	if s.OlderThan > 0 {
		older = now.Add(-s.OlderThan)
	}
	for _, c := range x.CacheFolders {
		p.cacheFolder(c, s, older)
	}
	for _, l := range x.Layouts {
		size, blobs := l.Older(older)
		if blobs > 0 && covers(s.Services, l.Service) {
			p.Folders = append(p.Folders, folderPlan{Dir: l.Dir, What: layoutPlace, Bytes: size, Blobs: blobs, older: older})
		}
	}
	for _, l := range x.Leftovers {
		ours := l.Project == project || l.Project == "" || s.Everything
		if ours && len(s.Services) == 0 && l.Unknown == "" && (s.OlderThan == 0 || l.Started.Before(older)) {
			p.Leftovers = append(p.Leftovers, l)
		}
	}
	return p
}

func (p *asidePlan) cacheFolder(c cacheFolder, s usage.Selection, older time.Time) {
	if !covers(s.Services, c.Services...) {
		return
	}
	whole := s.All && c.Own && len(c.Others) == 0 && (s.OlderThan == 0 || c.Changed.Before(older))
	size, blobs := c.Older(older)
	switch {
	case !c.Own && (c.UnreachedBlobs > 0 || s.All):
		p.KeptFolders[c.Dir] = "no build of this project wrote to it"
	case whole:
		p.Folders = append(p.Folders, folderPlan{Dir: c.Dir, What: cachePlace, Whole: true, Bytes: c.Size})
	case blobs > 0:
		p.Folders = append(p.Folders, folderPlan{Dir: c.Dir, What: cachePlace, Bytes: size, Blobs: blobs, roots: c.roots, older: older})
	}
}

// keepFolders leaves caches in folders as they are: a build that runs may still read what its export replaced.
func (p *asidePlan) keepFolders() {
	p.Folders = slices.DeleteFunc(p.Folders, func(f folderPlan) bool {
		if f.What == cachePlace {
			p.KeptFolders[f.Dir] = "a build is running"
		}
		return f.What == cachePlace
	})
}

// covers tells whether all services of a thing are among those that were selected; none is any.
func covers(selected []string, of ...string) bool {
	return len(selected) == 0 || !slices.ContainsFunc(of, func(s string) bool { return !slices.Contains(selected, s) })
}

func (p *asidePlan) empty() bool { return len(p.Folders)+len(p.Leftovers) == 0 }

// what is the plan in a few words.
func (p *asidePlan) what() []string {
	var out []string
	if len(p.Folders) > 0 {
		var bytes int64
		for _, f := range p.Folders {
			bytes += f.Bytes
		}
		out = append(out, fmt.Sprintf("%s in %s", units.HumanSize(float64(bytes)), counted(len(p.Folders), "folder")))
	}
	if len(p.Leftovers) > 0 {
		out = append(out, counted(len(p.Leftovers), "leftover"))
	}
	return out
}

func (p *asidePlan) announce(w io.Writer) {
	for _, f := range p.Folders {
		what := counted(f.Blobs, "blob") + " that its index does not lead to"
		if f.Whole {
			what = "all of it"
		}
		fmt.Fprintf(w, "%s %s: %s, %s\n", folderWord(f.What), f.Dir, what, units.HumanSize(float64(f.Bytes)))
	}
	for _, l := range p.Leftovers {
		fmt.Fprintln(w, "leftover of", l.text())
	}
	for _, dir := range sortedKeys(p.KeptFolders) {
		fmt.Fprintf(w, "cache folder %s stays: %s\n", dir, p.KeptFolders[dir])
	}
}

func folderWord(what string) string {
	if what == layoutPlace {
		return "OCI layout"
	}
	return "cache folder"
}

// remove removes what was planned. What is in use by now stays, and says so.
func (p *asidePlan) remove(ctx context.Context) error {
	for _, f := range p.Folders {
		freed, err := f.remove()
		p.FreedFolders += freed
		switch {
		case errors.Is(err, buildx.ErrFolderUsed):
			p.KeptFolders[f.Dir] = strings.TrimPrefix(err.Error(), "the folder is ")
		case err != nil:
			return fmt.Errorf("%s: %w", f.Dir, err)
		default:
			p.RemovedFolders = append(p.RemovedFolders, f.Dir)
		}
	}
	return p.removeLeftovers(ctx)
}

func (f *folderPlan) remove() (int64, error) {
	switch {
	case f.What == layoutPlace:
		return buildx.SweepLayout(f.Dir)
	case f.Whole:
		return buildx.EmptyCache(f.Dir)
	}
	return buildx.SweepCache(f.Dir, f.older, f.roots...)
}

func (p *asidePlan) removeLeftovers(ctx context.Context) error {
	var ids []string
	for _, l := range p.Leftovers {
		switch l.Kind {
		case "bench":
			ids = append(ids, l.id)
			continue
		case "files":
			cleanScratches(scratchNotes())
		case "image":
			buildx.RemoveParts(l.path)
		}
		p.RemovedLeftovers = append(p.RemovedLeftovers, l.What)
	}
	if len(ids) == 0 {
		return nil
	}
	if _, err := lab.CleanOnly(ctx, p.cli, ids); err != nil {
		return err
	}
	left, err := lab.Leftovers(ctx, p.cli)
	if err != nil {
		return err
	}
	for _, l := range p.Leftovers {
		if l.Kind == "bench" && !slices.ContainsFunc(left, func(o lab.Leftover) bool { return o.ID == l.id }) {
			p.RemovedLeftovers = append(p.RemovedLeftovers, l.What)
		}
	}
	return nil
}

// print says what became of it.
func (p *asidePlan) print(w io.Writer) {
	if n := len(p.RemovedFolders); n > 0 {
		fmt.Fprintf(w, "removed %s from %s\n", units.HumanSize(float64(p.FreedFolders)), counted(n, "folder"))
	}
	if n := len(p.RemovedLeftovers); n > 0 {
		fmt.Fprintf(w, "removed %s\n", counted(n, "leftover"))
	}
	for _, f := range p.Folders {
		if why := p.KeptFolders[f.Dir]; why != "" {
			fmt.Fprintf(w, "%s %s stays as it is: %s\n", folderWord(f.What), f.Dir, why)
		}
	}
	if n := len(p.Leftovers) - len(p.RemovedLeftovers); n > 0 {
		fmt.Fprintf(w, "%s could not be removed in whole\n", counted(n, "leftover"))
	}
}
