package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// exported makes a folder with an index that leads to nothing, and blobs, at rest for an hour.
func exported(t *testing.T, dir string, blobs ...string) string {
	t.Helper()
	sums := filepath.Join(dir, "blobs", "sha256")
	assert.NilError(t, os.MkdirAll(sums, 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "index.json"), []byte(`{"manifests":[]}`), 0o644))
	paths := []string{filepath.Join(dir, "index.json")}
	for _, text := range blobs {
		path := filepath.Join(sums, digest.FromString(text).Encoded())
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
		paths = append(paths, path)
	}
	then := time.Now().Add(-time.Hour)
	for _, path := range append(paths, sums) {
		assert.NilError(t, os.Chtimes(path, then, then))
	}
	return dir
}

func cached(service, dir string) targets.Target {
	return targets.Target{Service: service, CacheTo: []string{"type=local,dest=" + dir}}
}

func TestCacheFolders(t *testing.T) {
	dir := t.TempDir()
	written, read, past, shared, empty := filepath.Join(dir, "written"), filepath.Join(dir, "read"), filepath.Join(dir, "past"),
		filepath.Join(dir, "shared"), filepath.Join(dir, "empty")
	for _, d := range []string{written, read, past, shared} {
		exported(t, d, "{}")
	}
	assert.NilError(t, os.Mkdir(empty, 0o755))
	web := cached("web", written)
	web.CacheFrom = []string{"type=local,src=" + read + ",digest=" + string(digest.FromString("{}"))}
	plans := []*targets.Plan{
		{Targets: []targets.Target{web, cached("api", shared), cached("api", filepath.Join(dir, "none"))}},
		{Targets: []targets.Target{cached("api", written), cached("job", empty)}},
	}
	noted := []folderNote{{Kind: cachePlace, Dir: past, Service: "old"}, {Kind: layoutPlace, Dir: empty, Service: "web"}}
	got, unknown, err := cacheFolders(plans, noted, map[string][]string{realPath(shared): {"other"}})
	assert.NilError(t, err)
	assert.Equal(t, len(unknown), 0)
	var rows []string
	for _, c := range got {
		rows = append(rows, strings.Join([]string{filepath.Base(c.Dir), c.Class, strings.Join(c.Services, "+"), strings.Join(c.Others, "+")}, " "))
	}
	assert.DeepEqual(t, rows, []string{"past unknown old ", "read used web ", "shared shared api other", "written used api+web "})
	assert.Equal(t, got[1].UnreachedBlobs, 0, "it is imported by its digest")
	assert.Equal(t, got[1].Own, false)
	assert.Equal(t, got[3].Own, true)

	assert.NilError(t, os.WriteFile(filepath.Join(read, "index.json"), []byte("{"), 0o644))
	got, unknown, err = cacheFolders(plans, noted, nil)
	assert.NilError(t, err)
	assert.Equal(t, len(got), 3)
	assert.Equal(t, len(unknown), 1)
}

func TestAsidePlan(t *testing.T) {
	now := time.Now()
	folder := func(dir string, own bool, services ...string) cacheFolder {
		b, err := buildx.ReadBlobs(exported(t, filepath.Join(t.TempDir(), dir), "old", "older"))
		assert.NilError(t, err)
		return cacheFolder{Blobs: b, Services: services, Own: own, Class: usage.Used}
	}
	mine, theirs, read := folder("mine", true, "web"), folder("theirs", true, "web"), folder("read", false, "web")
	theirs.Others = []string{"other"}
	layout, err := buildx.ReadBlobs(exported(t, filepath.Join(t.TempDir(), "layout"), "old"))
	assert.NilError(t, err)
	x := &aside{
		CacheFolders: []cacheFolder{mine, theirs, read}, Layouts: []imageLayout{{Blobs: layout, Service: "api"}},
		Leftovers: []leftover{
			{Kind: "bench", What: "mine", Project: "shop", Started: now.Add(-time.Hour)},
			{Kind: "bench", What: "theirs", Project: "other"},
			{Kind: "bench", What: "far", Project: "shop", Unknown: "no answer"},
			{Kind: "files", What: "folder", Started: now},
		},
	}
	for name, c := range map[string]struct {
		selection usage.Selection
		// want are the folders, with a ! for those that go as a whole, and the leftovers.
		want []string
	}{
		"default":   {want: []string{"mine", "theirs", "layout", "mine", "folder"}},
		"all":       {selection: usage.Selection{All: true}, want: []string{"mine!", "theirs", "layout", "mine", "folder"}},
		"service":   {selection: usage.Selection{Services: []string{"api"}}, want: []string{"layout"}},
		"services":  {selection: usage.Selection{Services: []string{"api", "web"}, All: true}, want: []string{"mine!", "theirs", "layout"}},
		"old":       {selection: usage.Selection{OlderThan: time.Minute}, want: []string{"mine", "theirs", "layout", "mine"}},
		"older":     {selection: usage.Selection{OlderThan: 2 * time.Hour, All: true}},
		"mounts":    {selection: usage.Selection{Mounts: true}},
		"stage":     {selection: usage.Selection{Stages: []string{"prod"}}},
		"so much":   {selection: usage.Selection{MaxUsed: 1}},
		"everybody": {selection: usage.Selection{Everything: true}, want: []string{"mine", "theirs", "layout", "mine", "theirs", "folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := x.plan(c.selection, "shop", now)
			var got []string
			for _, f := range p.Folders {
				got = append(got, filepath.Base(f.Dir)+map[bool]string{true: "!"}[f.Whole])
			}
			for _, l := range p.Leftovers {
				got = append(got, l.What)
			}
			assert.DeepEqual(t, got, c.want)
		})
	}
	p := x.plan(usage.Selection{}, "shop", now)
	assert.Equal(t, p.KeptFolders[read.Dir], "no build of this project wrote to it")
	assert.Equal(t, p.Folders[0].Blobs, 2)
	assert.Equal(t, p.Folders[0].Bytes, int64(len("oldolder")))
	assert.DeepEqual(t, p.what(), []string{"19B in 3 folders", "2 leftovers"})

	// While a build runs, caches stay.
	p.keepFolders()
	assert.Equal(t, len(p.Folders), 1)
	assert.Equal(t, p.KeptFolders[mine.Dir], "a build is running")
}

func TestAsideRemove(t *testing.T) {
	dir := exported(t, filepath.Join(t.TempDir(), "cache"), "old")
	busy := exported(t, filepath.Join(t.TempDir(), "busy"), "old")
	defer buildx.HoldCache(busy)()
	p := &asidePlan{KeptFolders: map[string]string{}, Folders: []folderPlan{
		{Dir: dir, What: cachePlace, older: time.Now()}, {Dir: busy, What: cachePlace, Whole: true, older: time.Now()},
	}}
	assert.NilError(t, p.remove(t.Context()))
	assert.DeepEqual(t, p.RemovedFolders, []string{dir})
	assert.Equal(t, p.FreedFolders, int64(3))
	assert.Equal(t, p.KeptFolders[busy], "in use")
	var out bytes.Buffer
	p.print(&out)
	assert.Equal(t, out.String(), "removed 3B from 1 folder\ncache folder "+busy+" stays as it is: in use\n")
}

func TestPlaces(t *testing.T) {
	cache := t.TempDir()
	plan := &targets.Plan{Project: "shop", Dir: "/shop", Targets: []targets.Target{cached("web", "/c/web"), cached("api", "/c/web")}}
	o := buildx.Outputs{Specs: []string{"type=oci,dest=/out,tar=false"}}
	var notices bytes.Buffer
	for range 2 {
		usePlaces(&notices, cache, plan, o)()
	}
	assert.Equal(t, notices.String(), "")
	own := projectDir(cache, plan)
	got, err := readPlaces(own)
	assert.NilError(t, err)
	var rows []string
	for _, p := range got {
		rows = append(rows, p.Kind+" "+p.Dir+" "+p.Service)
	}
	slices.Sort(rows)
	assert.DeepEqual(t, rows, []string{"cache /c/web api", "cache /c/web web", "layout /out/api api", "layout /out/web web"})

	// To another project they are somebody else's, and what can't be read is not known.
	assert.NilError(t, os.WriteFile(filepath.Join(own, placesDir, "broken.json"), []byte("{"), 0o644))
	assert.NilError(t, os.WriteFile(filepath.Join(own, placesDir, "relative.json"), []byte(`{"dir":"x"}`), 0o644))
	others, err := othersPlaces(cache, filepath.Join(cache, "projects", "else-1"))
	assert.NilError(t, err)
	assert.DeepEqual(t, others, map[string][]string{"/c/web": {"shop"}, "/out/api": {"shop"}, "/out/web": {"shop"}})
	others, err = othersPlaces(cache, own)
	assert.NilError(t, err)
	assert.Equal(t, len(others), 0)

	t.Setenv("CATMANDU_LEDGER", "off")
	off := t.TempDir()
	usePlaces(&notices, off, plan, o)()
	got, err = readPlaces(projectDir(off, plan))
	assert.NilError(t, err)
	assert.Equal(t, len(got), 0)
}

// TestPlacesHold has a build import from a folder: nothing goes from there meanwhile.
func TestPlacesHold(t *testing.T) {
	dir := exported(t, filepath.Join(t.TempDir(), "cache"), "old")
	plan := &targets.Plan{Project: "shop", Targets: []targets.Target{{Service: "web", CacheFrom: []string{"type=local,src=" + dir}}}}
	release := usePlaces(os.Stderr, t.TempDir(), plan, buildx.Outputs{})
	_, err := buildx.SweepCache(dir, time.Time{})
	assert.ErrorIs(t, err, buildx.ErrFolderUsed)
	release()
	freed, err := buildx.SweepCache(dir, time.Time{})
	assert.NilError(t, err)
	assert.Equal(t, freed, int64(3))
}

func TestPruneNotes(t *testing.T) {
	cache := t.TempDir()
	none, err := prunesOf(cache, "b")
	assert.NilError(t, err)
	assert.Equal(t, len(none), 0)
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i, builder := range []string{"b", "c", "b"} {
		assert.NilError(t, notePrune(cache, builder, at.Add(time.Duration(i)*time.Hour)))
	}
	got, err := prunesOf(cache, "b")
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []time.Time{at, at.Add(2 * time.Hour)})
}

func TestHeldJSON(t *testing.T) {
	var out map[string]any
	text, err := json.Marshal(held{aside: &aside{CacheFolders: []cacheFolder{}, Layouts: []imageLayout{}, Leftovers: []leftover{}}})
	assert.NilError(t, err)
	assert.NilError(t, json.Unmarshal(text, &out))
	for _, name := range []string{"cacheFolders", "layouts", "leftovers", "advice"} {
		_, ok := out[name]
		assert.Assert(t, ok, name)
	}
}
