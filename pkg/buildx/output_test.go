package buildx

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestDestination(t *testing.T) {
	one := targets.Target{Service: "web", Image: "web", Tags: []string{"web"}}
	nameless := targets.Target{Service: "web", Tags: []string{"shop-web"}}
	two := targets.Target{Service: "web", Platforms: []string{"linux/amd64", "linux/arm64"}}
	for _, tc := range []struct {
		name     string
		outputs  Outputs
		target   targets.Target
		many     bool
		engine   bool
		kind     string // of the first exporter
		where    string // below the folder, or a word
		attested bool
	}{
		{name: "engine", target: one, engine: true, kind: "docker", where: "docker engine"},
		{name: "no engine", target: one, kind: "oci", where: "layouts/web"},
		{name: "two platforms go where they fit", target: two, engine: true, kind: "oci", where: "layouts/web"},
		{name: "linked", target: targets.Target{Service: "base", Linked: true}, engine: true, kind: "cacheonly"},
		{name: "linked, pushed", target: targets.Target{Service: "base", Linked: true}, outputs: Outputs{Push: true}, kind: "cacheonly"},
		{name: "load", target: one, outputs: Outputs{Load: true}, kind: "docker", where: "docker engine"},
		{name: "push", target: one, engine: true, outputs: Outputs{Push: true}, kind: "image", where: "registry", attested: true},
		{name: "push of a name nobody gave", target: nameless, outputs: Outputs{Push: true}, kind: "cacheonly", where: "not pushed: the service has no image name"},
		{name: "tar", target: one, outputs: Outputs{Specs: []string{"type=oci,dest=a.tar"}}, kind: "oci", where: "a.tar", attested: true},
		{name: "tars", target: one, many: true, outputs: Outputs{Specs: []string{"type=docker,dest=out"}}, kind: "docker", where: "out/web.tar"},
		{name: "layout", target: one, outputs: Outputs{Specs: []string{"type=oci,dest=out,tar=false"}}, kind: "oci", where: "out", attested: true},
		{name: "layouts", target: one, many: true, outputs: Outputs{Specs: []string{"type=oci,dest=out,tar=false"}}, kind: "oci", where: "out/web", attested: true},
		{name: "files", target: one, many: true, outputs: Outputs{Specs: []string{"type=local,dest=out"}}, kind: "local", where: "out/web"},
		{name: "cache only", target: one, engine: true, outputs: Outputs{Specs: []string{"type=cacheonly"}}, kind: "cacheonly", where: "type=cacheonly"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			tc.outputs.Layouts = filepath.Join(dir, "layouts")
			d, err := tc.outputs.destination(tc.target, tc.many, func() bool { return tc.engine })
			assert.NilError(t, err)
			assert.Equal(t, d.entries[0].Type, tc.kind)
			where := d.where
			if rel, err := filepath.Rel(dir, where); err == nil && filepath.IsAbs(where) {
				where = rel
			}
			assert.Equal(t, where, tc.where)
			assert.Equal(t, d.attested, tc.attested)
			// Whatever is written is written beside its place, and goes away when the build fails.
			d.clean()
			entries, err := filepath.Glob(filepath.Join(dir, "*", ".*.part-*"))
			assert.NilError(t, err)
			assert.Equal(t, len(entries), 0)
		})
	}
}

func TestDestinationRefuses(t *testing.T) {
	_, err := Outputs{Load: true, Push: true}.destination(targets.Target{Service: "web", Build: compose.Build{Tags: []string{"a"}}}, false, nil)
	assert.Assert(t, is.ErrorContains(err, "--load and --push together need an image name"))
	_, err = Outputs{Specs: []string{"type=oci"}}.destination(targets.Target{}, false, func() bool { return false })
	assert.Error(t, err, "--output type=oci: dest is missing")
	_, err = Outputs{Specs: []string{"type=oci,dest=-"}}.destination(targets.Target{}, true, func() bool { return false })
	assert.Error(t, err, "--output type=oci,dest=-: standard output takes one service")
	_, err = Outputs{Specs: []string{"dest=x,tar=true"}}.destination(targets.Target{}, true, func() bool { return false })
	assert.Error(t, err, "--output dest=x,tar=true: type is required for output")
}

// An image that stays on the machine has no provenance unless the files ask for one.
func TestAskedProvenanceStays(t *testing.T) {
	target := targets.Target{Service: "web", Build: compose.Build{Provenance: "mode=max"}}
	d, err := Outputs{Layouts: t.TempDir()}.destination(target, false, func() bool { return false })
	assert.NilError(t, err)
	defer d.clean()
	assert.Assert(t, d.attested)
}

// What a killed plugin left beside an image goes with the next build; what another one is writing stays.
func TestLeftPartsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	left := filepath.Join(dir, ".web.part-1")
	assert.NilError(t, os.MkdirAll(filepath.Join(left, "image"), 0o755))
	assert.NilError(t, os.Chtimes(left, old, old))
	living, err := newPart(filepath.Join(dir, "web"))
	assert.NilError(t, err)
	defer living.remove()
	assert.NilError(t, os.Chtimes(living.dir, old, old))
	next, err := newPart(filepath.Join(dir, "web"))
	assert.NilError(t, err)
	next.remove()
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(entries), 1)
	assert.Equal(t, entries[0].Name(), filepath.Base(living.dir))
}

func TestFilesAppearWhole(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	d, err := Outputs{Specs: []string{"type=oci,dest=a.tar"}}.destination(targets.Target{Service: "web"}, false, func() bool { return false })
	assert.NilError(t, err)
	w, err := d.entries[0].Output(nil)
	assert.NilError(t, err)
	_, err = w.Write([]byte("image"))
	assert.NilError(t, err)
	assert.NilError(t, w.Close())
	_, err = os.Stat("a.tar")
	assert.Assert(t, os.IsNotExist(err))
	assert.NilError(t, d.commit())
	d.clean()
	text, err := os.ReadFile("a.tar")
	assert.NilError(t, err)
	assert.Equal(t, string(text), "image")
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(entries), 1)
}
