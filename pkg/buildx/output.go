package buildx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/docker/buildx/build"
	"github.com/docker/buildx/util/buildflags"
	"github.com/moby/buildkit/client"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Outputs say where images go. With none of them, they go into the Docker Engine, or where none answers into an
// OCI layout below Layouts.
type Outputs struct {
	Load bool
	Push bool
	// ByDigest pushes without tags, one platform of an image, for Merge.
	ByDigest bool
	// Specs are in the words of --output: "type=oci,dest=…". With several targets, dest is a folder that gets
	// a file or folder for each.
	Specs []string
	// Layouts is the absolute folder of the default OCI layouts, one a service.
	Layouts string
	// Manifests is the absolute folder that remembers images which went into engines; empty remembers none.
	Manifests string
}

// destination is where one target's image goes, and what is left to do when the build is done.
type destination struct {
	entries []client.ExportEntry
	// where names the place to the user; empty says that the image stays in the build cache.
	where string
	// layout is the OCI layout that staged becomes a part of.
	layout string
	// staged maps what the build writes to the path that it becomes when all of it is there.
	staged map[string]string
	parts  []*part
	// store gets the image for the loader; nil when it does not go into an engine by our loader.
	store *exportStore
	// delivery is the image on its way into the engine, once it is built.
	delivery *delivery
	// tags replace the target's when they are not nil.
	tags []string
	// attested allows a provenance. An image that stays on the machine goes without: an unchanged build then
	// keeps its digest.
	attested bool
}

// inEngine is where images go that an engine gets.
const inEngine = "docker engine"

// place names where the image of t goes, if that is where one image can have many names: an engine or a registry. It
// is empty for layouts and files, where every service has an image of its own.
func (o Outputs) place(t targets.Target, engine func() bool) string {
	switch {
	case len(o.Specs) > 0:
		return ""
	case o.Push && t.Image == "": // of these only tags are pushed, or nothing
		return "registry, nameless"
	case o.Push:
		return "registry"
	case o.Load || len(t.Platforms) <= 1 && engine():
		return "engine"
	}
	return ""
}

// destination decides where the image of t goes.
func (o Outputs) destination(t targets.Target, many bool, engine func() bool) (*destination, error) {
	d := &destination{staged: map[string]string{}}
	switch {
	case t.Linked:
		d.entries = []client.ExportEntry{{Type: "cacheonly"}}
		return d, nil
	case len(o.Specs) > 0 || o.Push || o.Load:
		return d, o.asked(d, t, many)
	case len(t.Platforms) <= 1 && engine():
		return d, d.add(inEngine, "type=docker")
	}
	if t.Build.Provenance != "" || t.Build.SBOM != "" {
		d.attested = true
	}
	d.layout = filepath.Join(o.Layouts, t.Service)
	return d, d.stageDir(d.layout, "type=oci,tar=false")
}

// asked adds what the user asked for.
func (o Outputs) asked(d *destination, t targets.Target, many bool) error {
	if o.Load {
		if err := d.add(inEngine, "type=docker"); err != nil {
			return err
		}
	}
	if o.Load && o.Push && t.Image == "" && len(t.Build.Tags) > 0 {
		return errors.New("--load and --push together need an image name: only tags would be pushed, and it would be loaded under those alone\nhint: give the service an image:, or build twice")
	}
	if o.Push {
		if err := d.push(t, o.ByDigest); err != nil {
			return err
		}
	}
	for _, spec := range o.Specs {
		if err := d.addSpec(spec, t.Service, many); err != nil {
			return fmt.Errorf("--output %s: %w", spec, err)
		}
	}
	return nil
}

// push adds the registry. As with docker compose, only names that the files give are pushed: one that was made up
// would go to Docker Hub.
func (d *destination) push(t targets.Target, byDigest bool) error {
	tags := t.PushedTags()
	if len(tags) == 0 {
		return d.add("not pushed: the service has no image name", "type=cacheonly")
	}
	d.attested = true
	if byDigest {
		return d.pushByDigest(t, tags)
	}
	if t.Image == "" {
		d.tags = tags
	}
	return d.add("registry", "type=registry")
}

// pushByDigest adds the repositories of tags, each of which gets the image.
func (d *destination) pushByDigest(t targets.Target, tags []string) error {
	if _, err := onePlatform(t); err != nil {
		return err
	}
	var err error
	if d.tags, err = repositories(tags); err != nil {
		return err
	}
	return d.add("registry, by digest", "type=registry,push-by-digest=true,name-canonical=true")
}

// addSpec adds one --output.
func (d *destination) addSpec(spec, service string, many bool) error {
	entries, err := buildflags.ParseExports([]string{spec})
	if err != nil {
		return err
	}
	e := entries[0]
	attested := e.Type == "image" || e.Type == "registry" || e.Type == "oci"
	d.attested = d.attested || attested
	dest := e.Destination
	if dest == "" || dest == "-" {
		if dest == "-" && many {
			return errors.New("standard output takes one service")
		}
		if dest == "" && (e.Type == "oci" || e.Type == "tar") {
			return errors.New("dest is missing")
		}
		return d.create(e, spec)
	}
	if dest, err = filepath.Abs(dest); err != nil {
		return err
	}
	isDir := e.Type == "local" || e.Attrs["tar"] == "false"
	if many {
		name := service
		if !isDir {
			name += ".tar"
		}
		dest = filepath.Join(dest, name)
	}
	switch {
	case e.Type == "oci" && isDir:
		d.layout = dest
		return d.stage(e, dest)
	case isDir: // files of an image: they are written where they belong
		e.Destination = dest
		return d.create(e, dest)
	}
	return d.stage(e, dest)
}

func (d *destination) add(where, spec string) error {
	entries, err := buildflags.ParseExports([]string{spec})
	if err != nil {
		return err
	}
	return d.create(entries[0], where)
}

func (d *destination) stageDir(dir, spec string) error {
	entries, err := buildflags.ParseExports([]string{spec + ",dest=x"})
	if err != nil {
		return err
	}
	return d.stage(entries[0], dir)
}

// stage lets the build write beside path, so that path never holds a part of an image.
func (d *destination) stage(e *buildflags.ExportEntry, path string) error {
	part, err := newPart(path)
	if err != nil {
		return err
	}
	d.parts = append(d.parts, part)
	e.Destination = filepath.Join(part.dir, "image")
	d.staged[e.Destination] = path
	return d.create(e, path)
}

func (d *destination) create(e *buildflags.ExportEntry, where string) error {
	out, _, err := build.CreateExports([]*buildflags.ExportEntry{e})
	if err != nil {
		return err
	}
	d.entries = append(d.entries, out...)
	if d.where != "" {
		where = d.where + ", " + where
	}
	d.where = where
	return nil
}

// shown is where the image went, in the words that tools take: an OCI layout with the name of the image in it.
func (d *destination) shown(tags []string) string {
	if d.delivery != nil && !d.delivery.sent {
		return d.where + " (unchanged)"
	}
	if d.layout == "" || d.where != d.layout || len(tags) == 0 {
		return d.where
	}
	name := "latest"
	last := tags[len(tags)-1]
	if _, tag, ok := strings.Cut(last[strings.LastIndexByte(last, '/')+1:], ":"); ok {
		name = tag
	}
	return "oci:" + d.layout + ":" + name
}

// load puts our loader in the place of buildx's own way into the engine.
func (d *destination) load(layers content.Store) {
	for i, e := range d.entries {
		if intoEngine(e) {
			d.store = newExportStore(layers)
			d.entries[i] = storeEntry(d.store)
		}
	}
}

// joins tells whether images of two targets can be exported together: into the engine by our loader, or nowhere.
func (d *destination) joins(other *destination) bool {
	for _, d := range []*destination{d, other} {
		if len(d.entries) != 1 || d.store == nil && d.entries[0].Type != "cacheonly" {
			return false
		}
	}
	return (d.store == nil) == (other.store == nil)
}

// intoEngine tells whether an export goes into the engine of the Docker context, and not into a file or another one.
func intoEngine(e client.ExportEntry) bool {
	return e.Type == client.ExporterDocker && e.Output == nil && e.OutputDir == "" && e.Attrs["context"] == ""
}

// commit puts what was staged in its place.
func (d *destination) commit() error {
	for part, path := range d.staged {
		var err error
		if path == d.layout {
			err = mergeLayout(part, path)
		} else {
			err = os.Rename(part, path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// clean removes what a build left that did not come to commit.
func (d *destination) clean() {
	for _, p := range d.parts {
		p.remove()
	}
}
