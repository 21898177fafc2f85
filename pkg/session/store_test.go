package session

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func read(t testing.TB, st *Store) *History {
	t.Helper()
	h, err := st.Read()
	assert.NilError(t, err)
	return h
}

func ids(all []*Session) []string {
	list := []string{}
	for _, s := range all {
		list = append(list, s.ID)
	}
	return list
}

func text(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	assert.NilError(t, err)
	return string(b)
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	st := NewStore(dir)
	assert.DeepEqual(t, read(t, st), &History{})
	var all []*Session
	for day := range 5 {
		all = append(all, nightly(day, 20))
	}
	all = append(all, full())
	for _, i := range []int{3, 0, 5, 1, 4, 2, 0} { // 0 twice
		assert.NilError(t, st.Append(all[i]))
	}
	h := read(t, st)
	assert.Equal(t, len(h.Warnings), 0)
	want := slices.Clone(all)
	short := full()
	short.Runs = nil
	want[5] = short
	sortByStart(want)
	assert.DeepEqual(t, h.Sessions, want)
	assert.Equal(t, len(all[5].Runs), 1) // the caller's is as it was

	assert.Equal(t, strings.Count(text(t, st.Path()), "\n"), 7)
	assert.Assert(t, !strings.Contains(text(t, st.Path()), `"runs":[`))
	folder := filepath.Join(dir, ".catmandu", "bench")
	assert.Equal(t, filepath.Dir(st.Path()), folder)
	assert.Equal(t, text(t, filepath.Join(folder, ".gitattributes")), "*.jsonl merge=union\n")
	assert.Equal(t, text(t, filepath.Join(folder, ".gitignore")), "runs/\n*.lock\n")
}

// What the user changes about the files for git stays so.
func TestPrepareOnce(t *testing.T) {
	st := NewStore(t.TempDir())
	assert.NilError(t, os.MkdirAll(st.dir, 0o755))
	attributes, ignore := filepath.Join(st.dir, ".gitattributes"), filepath.Join(st.dir, ".gitignore")
	assert.NilError(t, os.WriteFile(attributes, []byte("mine\n"), 0o644))
	assert.NilError(t, st.SaveRuns(full()))
	assert.Equal(t, text(t, attributes), "mine\n")
	assert.NilError(t, os.Remove(ignore))
	assert.NilError(t, st.Append(full()))
	_, err := os.Stat(ignore)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestRuns(t *testing.T) {
	st := NewStore(t.TempDir())
	s, err := st.Load(full().ID)
	assert.NilError(t, err)
	assert.Assert(t, s == nil)
	for range 2 {
		assert.NilError(t, st.SaveRuns(full()))
	}
	s, err = st.Load(full().ID)
	assert.NilError(t, err)
	assert.DeepEqual(t, s, full())
	files, err := os.ReadDir(st.runs())
	assert.NilError(t, err)
	assert.Equal(t, len(files), 1)
	packed := text(t, st.RunsPath(s.ID))
	assert.Assert(t, strings.HasPrefix(packed, "\x1f\x8b"))

	assert.NilError(t, os.WriteFile(st.RunsPath(s.ID), []byte(packed[:len(packed)-9]), 0o644))
	_, err = st.Load(s.ID)
	assert.ErrorContains(t, err, s.ID+".json.gz: ")

	for _, id := range []string{"", "../x", "a/b", ".x", "a b", "-x"} {
		bad := full()
		bad.ID = id
		assert.ErrorContains(t, st.SaveRuns(bad), "session id")
		assert.ErrorContains(t, st.Append(bad), "session id")
		s, err := st.Load(id)
		assert.Assert(t, s == nil && err == nil)
	}
	// A number that JSON has not must not leave a file.
	bad := full()
	bad.ID = "BAD"
	bad.Series[0].Median /= bad.Series[0].Lo - bad.Series[0].Lo
	assert.ErrorContains(t, st.SaveRuns(bad), "session BAD: json: unsupported value")
	assert.ErrorContains(t, st.Append(bad), "session BAD")
	files, err = os.ReadDir(st.runs())
	assert.NilError(t, err)
	assert.Equal(t, len(files), 1)
}

// A history that somebody, or a power cut, has been at.
func TestReadBroken(t *testing.T) {
	line := func(day int) string {
		b, err := historyLine(nightly(day, 20))
		assert.NilError(t, err)
		return string(b)
	}
	a, b := line(0), line(1)
	for _, test := range []struct {
		name, text string
		sessions   int
		warnings   []string // code and the end of the place
		fails      string
	}{
		{"good", a + b, 2, nil, ""},
		{"empty lines", "\n" + a + "\n\r\n" + b + "\n", 2, nil, ""},
		{"with the ends of Windows", strings.ReplaceAll(a+b, "\n", "\r\n"), 2, nil, ""},
		{"last line torn", a + b[:len(b)/2], 1, []string{"torn-line:2: the last line is not whole"}, ""},
		{"last line has no end", a + strings.TrimSpace(b), 2, nil, ""},
		{"only a torn line", a[:1], 0, []string{"torn-line:1: "}, ""},
		{"zeros at the end", a + "\x00\x00\x00", 1, []string{"torn-line:2: "}, ""},
		{"conflict", "<<<<<<< HEAD\n" + a + "=======\n" + b + ">>>>>>> x\n", 2, []string{"bad-line:1: ", "bad-line:3: ", "bad-line:5: "}, ""},
		{"line in a line", a[:20] + b + a, 1, []string{"bad-line:1: "}, ""},
		{"no session", a + "{}\n", 1, []string{"bad-line:2: it is no session: it has no schema"}, ""},
		{"no id", a + `{"schema":"catmandu.bench/v1"}` + "\n", 1, []string{`bad-line:2: session id ""`}, ""},
		{"wrong type", a + strings.Replace(b, `"started":"`, `"started":"x`, 1), 1, []string{"bad-line:2: "}, ""},
		{"later fields", strings.Replace(a, "{", `{"later":{"x":[1]},`, 1), 1, nil, ""},
		{"minor version", strings.Replace(a, "bench/v1", "bench/v1.7", 1), 1, nil, ""},
		{"major version", a + strings.Replace(b, "bench/v1", "bench/v2", 1), 0, nil, `history.jsonl:2: schema "catmandu.bench/v2": this program reads catmandu.bench/v1`},
		{"other major version", "\n\n" + strings.Replace(b, "bench/v1", "bench/v11", 1), 0, nil, `history.jsonl:3: schema "catmandu.bench/v11"`},
		{"another format", `{"schema":"other/v1"}` + "\n", 0, nil, `history.jsonl:1: schema "other/v1"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := NewStore(t.TempDir())
			assert.NilError(t, os.MkdirAll(st.dir, 0o755))
			assert.NilError(t, os.WriteFile(st.Path(), []byte(test.text), 0o644))
			h, err := st.Read()
			if test.fails != "" {
				assert.ErrorContains(t, err, test.fails)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, len(h.Sessions), test.sessions)
			assert.Equal(t, len(h.Warnings), len(test.warnings))
			for i, w := range h.Warnings {
				code, place, _ := strings.Cut(test.warnings[i], ":")
				assert.Equal(t, w.Code, code)
				assert.Assert(t, strings.HasPrefix(w.Text, st.Path()+":"+place), w.Text)
			}

			// Whatever is there, what is appended is there afterwards, and nothing that was read is lost.
			assert.NilError(t, st.Append(full()))
			after := read(t, st)
			assert.Equal(t, len(after.Sessions), test.sessions+1)
			assert.Assert(t, slices.Contains(ids(after.Sessions), full().ID))
			for _, w := range after.Warnings {
				assert.Assert(t, w.Code != "torn-line")
			}
		})
	}
}

func TestReadDocument(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "unexpected end"},
		{"{}", "no schema"},
		{"[]", "cannot unmarshal array"},
		{`{"schema": 1}`, "cannot unmarshal number"},
		{`{"schema": "catmandu.bench/v2"}`, `schema "catmandu.bench/v2"`},
		{`{"schema": "catmandu.bench/v1"}{}`, "after top-level value"},
		{"\x1f\x8b", "EOF"},
		{`{"schema": "catmandu.bench/v1", "id": "../../x"}`, "session id"},
		{`{"schema": "catmandu.bench/v1", "id": "A", "series": [{"values": ["a"]}]}`, "cannot unmarshal string"},
	} {
		_, err := Read(strings.NewReader(test.text))
		assert.ErrorContains(t, err, test.want)
	}
	s, err := Read(strings.NewReader(`{"schema": "catmandu.bench/v1", "id": "A"}`))
	assert.NilError(t, err)
	assert.Assert(t, s.Series != nil && s.Settings.Edits != nil && s.Runs == nil)

	var packed bytes.Buffer
	assert.NilError(t, pack(&packed, full()))
	s, err = Read(&packed)
	assert.NilError(t, err)
	assert.DeepEqual(t, s, full())
	assert.ErrorContains(t, Write(failing{}, full()), "disk is full")
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func TestFind(t *testing.T) {
	dir := t.TempDir()
	st := NewStore(dir)
	_, err := st.Find("latest")
	assert.ErrorContains(t, err, `session "latest": there are none yet`)
	all := nightlies(20, 21, 22, 23)
	for i, id := range []string{"01AAAAAAAAAAAAAAAAAAAAAAA0", "01AAAAAAAAAAAAAAAAAAAAAAA1", "01BBBBBBBBBBBBBBBBBBBBBBB0"} {
		all[i].ID = id
		assert.NilError(t, st.Append(all[i]))
	}
	all[0].VCS.Revision, all[1].VCS.Revision, all[2].VCS.Revision = "9f31c2d0", "9f31c2d0", "9f31ffff"
	assert.NilError(t, os.Remove(st.Path()))
	for _, s := range all[:3] {
		assert.NilError(t, st.Append(s))
	}
	// The last one is not in the history, and has its runs.
	all[3].Runs = full().Runs
	assert.NilError(t, st.SaveRuns(all[3]))
	assert.NilError(t, os.WriteFile(filepath.Join(st.runs(), "readme.json.gz"), nil, 0o644))
	file := filepath.Join(dir, "session.json")
	assert.NilError(t, os.WriteFile(file, written(t, full()), 0o644))
	t.Chdir(dir)

	for ref, want := range map[string]string{
		"latest": all[3].ID, "latest~0": all[3].ID, "latest~": all[2].ID, "latest~1": all[2].ID, "latest~3": all[0].ID,
		all[1].ID: all[1].ID, strings.ToLower(all[1].ID): all[1].ID, "01B": all[2].ID, "01b": all[2].ID, all[3].ID[:10]: all[3].ID,
		"9f31c2d0": all[1].ID, "9f31c": all[1].ID, "9F31C": all[1].ID, "9f31f": all[2].ID,
		file: full().ID, "session.json": full().ID, "./session.json": full().ID, st.RunsPath(all[3].ID): all[3].ID,
	} {
		s, err := st.Find(ref)
		assert.NilError(t, err, ref)
		assert.Equal(t, s.ID, want, ref)
		assert.Equal(t, len(s.Runs) > 0, s.ID == all[3].ID || s.ID == full().ID, ref)
	}
	for ref, want := range map[string]string{
		"latest~4":  "there are only 4",
		"latest~x":  `"latest" or "latest~1" would be right`,
		"latest~-1": "would be right",
		"latest1":   "would be right",
		"01A":       "2 begin with it: 01AAAAAAAAAAAAAAAAAAAAAAA0 and 01AAAAAAAAAAAAAAAAAAAAAAA1",
		"9f31":      "two revisions begin with it: 9f31c2d0 and 9f31ffff",
		"9f3":       "there is none; the latest of 4 is " + all[3].ID,
		"":          "there is none",
		"main":      `hint: say an id, a revision, the path of a file, "latest" or "latest~1"`,
		"no.json":   "no.json: no such file",
		"./main":    "main: no such file",
	} {
		_, err := st.Find(ref)
		assert.ErrorContains(t, err, want, ref)
	}
	assert.NilError(t, os.WriteFile(st.Path(), []byte(`{"schema":"catmandu.bench/v3"}`+"\n"), 0o644))
	_, err = st.Find("latest")
	assert.ErrorContains(t, err, "history.jsonl:1: ")
}

// FuzzRead looks for texts that stop the program, or that are read and can't be written.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	assert.NilError(f, Write(&b, full()))
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema":"catmandu.bench/v1","id":"A","compare":{},"runs":[{}]}`))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := Read(bytes.NewReader(written(t, s)))
		assert.NilError(t, err)
		assert.DeepEqual(t, again, s)
		s.Seal()
		for _, c := range []*Compare{Rules{}.Sessions(s, s), Rules{}.Sessions(s, full()), Rules{}.Sessions(full(), s)} {
			assert.Assert(t, c.Times != "" && c.Sizes != "")
		}
		Rules{}.Trends([]*Session{s, full()}, nil)
	})
}

// FuzzHistory breaks files of lines: an append after it is never lost.
func FuzzHistory(f *testing.F) {
	line, err := historyLine(nightly(0, 20))
	assert.NilError(f, err)
	f.Add(line)
	f.Add(append(slices.Clone(line), line[:40]...))
	f.Add([]byte("<<<<<<<\n{}\n\x00"))
	last := nightly(99, 20)
	f.Fuzz(func(t *testing.T, text []byte) {
		st := NewStore(t.TempDir())
		h, err := parseHistory("x", text)
		if err != nil {
			return
		}
		assert.NilError(t, os.MkdirAll(st.dir, 0o755))
		assert.NilError(t, os.WriteFile(st.Path(), text, 0o644))
		assert.NilError(t, st.Append(last))
		after := read(t, st)
		seen := map[string]bool{last.ID: true}
		for _, s := range h.Sessions {
			seen[s.ID] = true
		}
		assert.Equal(t, len(after.Sessions), len(seen), fmt.Sprintf("%q", text))
	})
}
