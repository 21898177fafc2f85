package ledger

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func appendText(t testing.TB, l *Ledger, text string) {
	t.Helper()
	f, err := os.OpenFile(l.path(), os.O_APPEND|os.O_WRONLY, 0)
	assert.NilError(t, err)
	_, err = f.WriteString(text)
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
}

// What a writer that died or a power cut leaves at the end is read over, and removed by the next Append.
func TestTail(t *testing.T) {
	for _, tail := range []string{
		"x", `{"kind":"build","v":1,"id":"torn","steps":0}`, strings.Repeat("\x00", 5000), "{\"kind\":\"step\",\"v\":1\x00\x00\x00",
	} {
		l := New(t.TempDir())
		assert.NilError(t, l.Append(build("one", "b"), results(2, "x")))
		appendText(t, l, tail)
		h := read(t, l)
		assert.DeepEqual(t, ids(h), []string{"one"})
		assert.Equal(t, h.Skipped, 1)
		assert.NilError(t, l.Append(build("two", "b"), results(2, "x")))
		h = read(t, l)
		assert.DeepEqual(t, ids(h), []string{"one", "two"})
		assert.Equal(t, h.Skipped, 0)
	}
}

// A writer may die after each byte: then there is all of its build or nothing, and the build can be written again.
func TestCutAnywhere(t *testing.T) {
	l := New(t.TempDir())
	assert.NilError(t, l.Append(build("one", "b"), results(1, "x")))
	before, err := os.ReadFile(l.path())
	assert.NilError(t, err)
	assert.NilError(t, l.Append(build("two", "b"), results(3, "y")))
	after, err := os.ReadFile(l.path())
	assert.NilError(t, err)
	for n := len(before); n < len(after); n += 7 {
		assert.NilError(t, os.WriteFile(l.path(), after[:n], 0o600))
		assert.DeepEqual(t, ids(read(t, l)), []string{"one"})
		assert.NilError(t, l.Append(build("two", "b"), results(3, "y")))
		h := read(t, l)
		assert.Equal(t, h.Skipped, 0)
		assert.Equal(t, len(h.Builds), 2)
		equal(t, h.Builds[1], build("two", "b"), results(3, "y"))
	}
}

func TestUnreadableLines(t *testing.T) {
	l := New(t.TempDir())
	assert.NilError(t, l.Append(build("one", "b"), results(2, "x")))
	appendText(t, l, "\x00\x00\nnull\n[]\n{}\n{\"kind\":\"step\",\"v\":1,\"build\":5}\n\n{\"kind\":\"build\",\"v\":1,\n{\"kind\":\"definition\",\"v\":1,\"id\":1}\n")
	assert.NilError(t, l.Append(build("two", "b"), results(2, "y")))
	h := read(t, l)
	assert.Equal(t, h.Skipped, 7)
	assert.Equal(t, len(h.Builds), 2)
	equal(t, h.Builds[0], build("one", "b"), results(2, "x"))
	equal(t, h.Builds[1], build("two", "b"), results(2, "y"))
}

// A definition that is damaged is written again by the next build that needs it.
func TestDamagedDefinition(t *testing.T) {
	l := New(t.TempDir())
	assert.NilError(t, l.Append(build("one", "b"), results(1, "x")))
	text, err := os.ReadFile(l.path())
	assert.NilError(t, err)
	damaged := bytes.Replace(text, []byte(`"text":"make`), []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 1)
	assert.Equal(t, len(damaged), len(text))
	assert.NilError(t, os.WriteFile(l.path(), damaged, 0o600))
	h := read(t, l)
	assert.Equal(t, h.Skipped, 1)
	assert.Equal(t, h.Builds[0].Results[0].Step.Key, results(1, "x")[0].Step.Key)
	assert.Equal(t, h.Builds[0].Results[0].Step.Name, "")

	assert.NilError(t, l.Append(build("two", "b"), results(1, "y")))
	h = read(t, l)
	equal(t, h.Builds[0], build("one", "b"), results(1, "x"))
	equal(t, h.Builds[1], build("two", "b"), results(1, "y"))
}

// What a later version writes is not in the way, and stays.
func TestLaterVersion(t *testing.T) {
	later := []string{
		`{"kind":"mount","v":1,"id":"/root/.cache"}`,
		`{"kind":"build","v":2,"id":{"new":"form"}}`,
		`{"v":1,"kind":"build","id":"new fields","started":"2026-01-02T03:04:05Z","builder":{"id":"b","arch":"?"},"steps":0,"mood":"good"}`,
		`{"kind":"definition","v":1,"id":"other digest","step":{"name":"later"},"more":1}`,
		`{"kind":"step","v":1,"build":"later","definition":"other digest","status":"ran","more":[{}]}`,
		`{"kind":"build","v":1,"id":"later","steps":1}`,
	}
	l := New(t.TempDir())
	assert.NilError(t, l.Append(build("one", "b"), results(2, "x")))
	appendText(t, l, strings.Join(later, "\n")+"\n")
	assert.NilError(t, l.Append(build("two", "b"), results(2, "y")))
	h := read(t, l)
	assert.Equal(t, h.Skipped, 0)
	assert.DeepEqual(t, ids(h), []string{"one", "new fields", "later", "two"})
	assert.Equal(t, h.Builds[2].Results[0].Step.Name, "later")

	text, err := os.ReadFile(l.path())
	assert.NilError(t, err)
	assert.NilError(t, l.compact(text))
	compacted, err := os.ReadFile(l.path())
	assert.NilError(t, err)
	lines := strings.Split(string(compacted), "\n")
	for _, line := range later {
		assert.Assert(t, slices.Contains(lines, line), line)
	}
	assert.DeepEqual(t, ids(read(t, l)), ids(h))
}

// Whatever stands between good lines, they are read, and compacting loses nothing that was read.
func FuzzRead(f *testing.F) {
	one, err := encode(build("one", "b"), results(2, "x"))
	assert.NilError(f, err)
	two, err := encode(build("two", "b"), results(2, "y"))
	assert.NilError(f, err)
	other, err := encode(build("other", "c"), results(2, "z"))
	assert.NilError(f, err)
	f.Add([]byte(nil))
	f.Add(other.without(nil))
	f.Add(other.lines[:len(other.lines)/2])
	f.Add([]byte("\x00\x00\x00\n{}\nnull\n[[\n"))
	f.Add([]byte(`{"kind":"step","v":1,"build":"o"}` + "\n" + `{"kind":"build","v":1,"id":"o","steps":-1}`))
	f.Add([]byte(`{"kind":"definition","v":1,"id":"`))
	f.Add([]byte(`{"kind":"new","v":9}`))
	f.Fuzz(func(t *testing.T, bad []byte) {
		for _, id := range []string{"one", "two"} {
			if bytes.Contains(bad, []byte(id)) {
				t.Skip("it may speak of the same builds")
			}
		}
		parse(bad).history()
		text := slices.Concat(one.without(nil), bad, []byte("\n"), two.without(nil))
		c := parse(text)
		h := c.history()
		assert.Assert(t, len(h.Builds) >= 2)
		equal(t, h.Builds[0], build("one", "b"), results(2, "x"))
		equal(t, h.Builds[len(h.Builds)-1], build("two", "b"), results(2, "y"))

		again := parse(c.text(c.newest(len(text) + 1)))
		assert.DeepEqual(t, ids(again.history()), ids(h))
		assert.Equal(t, len(again.others), len(c.others))
		assert.Equal(t, again.skipped, 0)
	})
}

// The decoder reads what encoding/json reads.
func FuzzDecoder(f *testing.F) {
	a, err := encode(build("one", "b"), results(3, "x"))
	assert.NilError(f, err)
	quick := 0
	for line := range bytes.Lines(a.lines) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		f.Add(line)
		d := decoder{strings: map[string]string{}, rest: line}
		if d.quick(new(stepLine)) {
			quick++
		}
	}
	assert.Equal(f, quick, 3) // it is of use
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"inputs":[],"seconds":01,"started":"2026-01-02T03:04:05+01:00"}`))
	f.Add([]byte(`{"key":"\u0041","v":1.5,"peakMemory":-1}`))
	f.Add([]byte(`{"inputs":["a",],"unsure":true,"seconds":1.}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var got, want stepLine
		d := decoder{strings: map[string]string{}, rest: line}
		if !d.quick(&got) {
			return
		}
		assert.NilError(t, json.Unmarshal(line, &want))
		assert.Assert(t, reflect.DeepEqual(got, want), "%+v, not %+v", got, want)
	})
}

func TestReadAgain(t *testing.T) {
	l := New(t.TempDir())
	h, err := l.ReadAgain(nil)
	assert.NilError(t, err)
	assert.Equal(t, len(h.Builds), 0)
	assert.NilError(t, l.Append(build("one", "b"), results(2, "x")))
	before := h
	h, err = l.ReadAgain(before)
	assert.NilError(t, err)
	assert.DeepEqual(t, ids(h), []string{"one"})
	again, err := l.ReadAgain(h)
	assert.NilError(t, err)
	assert.Assert(t, again == h, "it was read though nothing had changed")

	assert.NilError(t, l.Append(build("two", "b"), results(2, "x")))
	again, err = l.ReadAgain(h)
	assert.NilError(t, err)
	assert.DeepEqual(t, ids(again), []string{"one", "two"})
	assert.DeepEqual(t, ids(h), []string{"one"})

	text, err := os.ReadFile(l.path())
	assert.NilError(t, err)
	assert.NilError(t, replace(l.path(), bytes.ReplaceAll(text, []byte(`"two"`), []byte(`"owt"`)))) // as long as before
	again, err = l.ReadAgain(again)
	assert.NilError(t, err)
	assert.DeepEqual(t, ids(again), []string{"one", "owt"})
}
