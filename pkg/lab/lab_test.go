package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestAdapt(t *testing.T) {
	p := &targets.Plan{Project: "shop", Targets: []targets.Target{
		{Service: "api", Build: compose.Build{Args: map[string]string{"A": "1"}, NoCacheFilter: []string{"deps"}}},
		{Service: "web"},
	}}
	warm, cold := adapt(p, "n", false), adapt(p, "n-cold-1", true)
	assert.DeepEqual(t, p.Targets[0].Build.Args, map[string]string{"A": "1"})
	assert.DeepEqual(t, p.Targets[0].Build.NoCacheFilter, []string{"deps"})
	assert.Equal(t, len(p.Targets[1].Build.Args), 0)
	assert.DeepEqual(t, warm.Targets[0].Build.Args, map[string]string{"A": "1", mountNamespace: "n"})
	assert.DeepEqual(t, warm.Targets[1].Build.Args, map[string]string{mountNamespace: "n"})
	assert.Assert(t, !warm.Targets[0].Build.NoCache && len(warm.Targets[0].Build.NoCacheFilter) == 1)
	for _, target := range cold.Targets {
		assert.Equal(t, target.Build.Args[mountNamespace], "n-cold-1")
		assert.Assert(t, target.Build.NoCache && len(target.Build.NoCacheFilter) == 0)
	}

	l := &Lab{kind: Namespace, folder: &folder{note: note{Namespace: &marks{Namespace: "n"}}}}
	seen := map[string]bool{}
	for _, cold := range []bool{false, true, true} {
		namespace := l.Adapt(p, cold).Targets[1].Build.Args[mountNamespace]
		ours, isCold := l.folder.note.Namespace.is(namespace)
		assert.Assert(t, ours && isCold == cold, namespace)
		seen[namespace] = true
	}
	assert.Equal(t, len(seen), 3)
}

func TestPrimed(t *testing.T) {
	base, layer, frontend, local, fresh := record("base", 1), record("layer", 1), record("frontend", 1), record("local", 1), record("fresh", 2)
	base.Description, layer.Description, layer.Parents = "", "pulled from x", []string{"base"}
	frontend.Type = buildx.FrontendRecord
	got := primed([]buildx.CacheRecord{base, layer, frontend, local}, []buildx.CacheRecord{base, layer, frontend, local, fresh})
	assert.DeepEqual(t, got, map[string]bool{"base": true, "layer": true, "frontend": true, "fresh": true})
}

// fakeCache keeps a record that another is built on, and one in use for so many requests.
type fakeCache struct {
	records []buildx.CacheRecord
	busy    map[string]int
}

func (c *fakeCache) list(context.Context) ([]buildx.CacheRecord, error) {
	return slices.Clone(c.records), nil
}

func (c *fakeCache) Remove(_ context.Context, ids []string) ([]buildx.CacheRecord, error) {
	var out []buildx.CacheRecord
	for _, r := range slices.Clone(c.records) {
		switch {
		case !slices.Contains(ids, r.ID):
		case c.busy[r.ID] > 0:
			c.busy[r.ID]--
		case slices.ContainsFunc(c.records, func(o buildx.CacheRecord) bool { return slices.Contains(o.Parents, r.ID) }):
		default:
			out = append(out, r)
			c.records = slices.DeleteFunc(c.records, func(o buildx.CacheRecord) bool { return o.ID == r.ID })
		}
	}
	return out, nil
}

func TestDrain(t *testing.T) {
	a, b := record("a", 1), record("b", 1)
	b.Parents = []string{"a"}
	c := &fakeCache{records: []buildx.CacheRecord{a, b, record("kept", 1)}, busy: map[string]int{"b": 2}}
	goes := func(r buildx.CacheRecord) bool { return r.ID != "kept" }
	assert.NilError(t, drain(t.Context(), drainTime, c, c.list, goes))
	assert.DeepEqual(t, ids(c.records), []string{"kept"})

	c = &fakeCache{records: []buildx.CacheRecord{a}, busy: map[string]int{"a": 1e9}}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	err := drain(ctx, drainTime, c, c.list, goes)
	assert.ErrorContains(t, err, "can't be removed: a (a, 0B): enough")
	assert.Assert(t, errors.Is(drain(t.Context(), 0, c, c.list, goes), errHeld))
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f, err := newFolder(dir, note{Kind: Embedded, ID: "s1"})
	assert.NilError(t, err)
	_, err = takeFolder(f.path)
	assert.Assert(t, errors.Is(err, errTaken), "%v", err)
	_, err = newFolder(dir, note{ID: "s1"})
	assert.ErrorContains(t, err, "there is one of that name")
	removed, err := Clean(t.Context(), Options{Dir: dir})
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 0)

	f.release() // as the kernel does for a process that ends
	_, err = newFolder(dir, note{ID: "s1"})
	assert.ErrorContains(t, err, "there is one of that name")
	again, err := takeFolder(f.path)
	assert.NilError(t, err)
	assert.Equal(t, again.note.Kind, Embedded)
	again.release()
	left, err := Leftovers(t.Context(), Options{Dir: dir})
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0, "it had made nothing yet")
	removed, err = CleanOnly(t.Context(), Options{Dir: dir}, []string{"s2"})
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 0)
	_, err = os.Stat(f.path)
	assert.NilError(t, err)
	removed, err = Clean(t.Context(), Options{Dir: dir})
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 0, "it had made nothing yet")
	_, err = os.Stat(f.path)
	assert.Assert(t, errors.Is(err, os.ErrNotExist), "%v", err)
	none := Options{Dir: filepath.Join(dir, "none")}
	_, err = Clean(t.Context(), none)
	assert.NilError(t, err)
	_, err = Leftovers(t.Context(), none)
	assert.NilError(t, err)
}

func TestDaemonPaths(t *testing.T) {
	root, socket, temp := daemonPaths("/home/jo/.cache/docker-catmandu/labs/s1")
	assert.Equal(t, fmt.Sprint(root, socket, temp),
		"/home/jo/.cache/docker-catmandu/labs/s1/root/home/jo/.cache/docker-catmandu/labs/s1/run/d.sock")
	t.Setenv("TMPDIR", "/tmp")
	_, socket, temp = daemonPaths("/home/" + strings.Repeat("jo", 50))
	assert.Assert(t, strings.HasPrefix(socket, temp) && len(socket) < 107, socket)
}

func TestOpenRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"session":        {Kind: Embedded, ID: "../s1"},
		"no kind of lab": {Kind: "vm", ID: "s1"},
	} {
		o.Dir = t.TempDir()
		_, err := Open(t.Context(), o)
		assert.ErrorContains(t, err, name)
	}
}
