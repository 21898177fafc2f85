package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Read returns all that is readable; without a file, nothing. It takes no lock.
func (l *Ledger) Read() (*History, error) { return l.ReadAgain(nil) }

// ReadAgain is Read for who has read the ledger before: when the file has not changed since, it returns what was read then.
func (l *Ledger) ReadAgain(before *History) (*History, error) {
	f, err := os.Open(l.path())
	if errors.Is(err, fs.ErrNotExist) {
		return &History{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if before != nil && before.file != nil && os.SameFile(info, before.file) && info.Size() == before.file.Size() && info.ModTime().Equal(before.file.ModTime()) {
		return before, nil
	}
	text, err := readAll(f)
	if err != nil {
		return nil, err
	}
	h := parse(text).history()
	h.file = info
	return h, nil
}

// readAll returns what f has now, and nothing that is added meanwhile: a writer may be replacing a part of a line.
func readAll(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, info.Size())
	n, err := io.ReadFull(f, text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return text[:n], err
}

// contents is a ledger's text, parsed. Numbers are of its lines.
type contents struct {
	lines       [][]byte
	builds      []block
	definitions map[string]definition
	others      []int // what a later version wrote
	skipped     int
	decoder     decoder
}

// block is a build with its steps.
type block struct {
	at      int
	build   buildLine
	stepsAt []int
	steps   []stepLine
}

type definition struct {
	at   int
	step steps.Step
}

// parse never fails. A line that it can't read does not harm those around it.
func parse(text []byte) *contents {
	c := &contents{definitions: map[string]definition{}, decoder: decoder{strings: map[string]string{}}}
	pending := map[string]*block{}
	for line := range bytes.Lines(text) {
		line, whole := bytes.CutSuffix(line, []byte("\n"))
		at := len(c.lines)
		c.lines = append(c.lines, line)
		if len(line) == 0 {
			continue
		}
		if !whole || !c.add(at, line, pending) {
			c.skipped++
		}
	}
	return c
}

func (c *contents) add(at int, line []byte, pending map[string]*block) bool {
	switch kind(line) {
	case "step":
		s, err := c.decoder.step(line)
		if err != nil {
			return false
		}
		b := pending[s.Build]
		if b == nil {
			b = &block{}
			if n := len(c.builds); n > 0 { // builds are alike
				b.stepsAt, b.steps = make([]int, 0, len(c.builds[n-1].steps)), make([]stepLine, 0, len(c.builds[n-1].steps))
			}
			pending[s.Build] = b
		}
		b.stepsAt, b.steps = append(b.stepsAt, at), append(b.steps, s)
	case "build":
		b := block{at: at}
		if json.Unmarshal(line, &b.build) != nil {
			return false
		}
		if p := pending[b.build.ID]; p != nil {
			// Those before are of a writer that died, and tried to write the same build.
			n := max(0, len(p.steps)-max(0, b.build.Steps))
			b.stepsAt, b.steps = p.stepsAt[n:], p.steps[n:]
			delete(pending, b.build.ID)
		}
		c.builds = append(c.builds, b)
	case "definition":
		return c.define(at, line)
	case "":
		return false
	default:
		c.others = append(c.others, at)
	}
	return true
}

func (c *contents) define(at int, line []byte) bool {
	d := definition{at: at}
	if id, text, ok := defined(line); ok {
		if json.Unmarshal(text, &d.step) != nil {
			return false
		}
		c.definitions[id] = d
		return true
	}
	var other definitionLine // with fields of a later version
	if json.Unmarshal(line, &other) != nil {
		return false
	}
	if _, known := c.definitions[other.ID]; !known {
		d.step = other.Step
		c.definitions[other.ID] = d
	}
	return true
}

// kind is "other" for what a later version writes, and empty for what is no line of a ledger.
func kind(line []byte) string {
	for _, k := range []string{"step", "definition", "build"} {
		if bytes.HasPrefix(line, []byte(`{"kind":"`+k+`","v":1,`)) { // parse most lines once only
			return k
		}
	}
	var h header
	switch err := json.Unmarshal(line, &h); {
	case err != nil || h.Line == "":
		return ""
	case h.V != version:
		return "other"
	}
	switch h.Line {
	case "step", "definition", "build":
		return h.Line
	}
	return "other"
}

func (c *contents) history() *History {
	h := &History{Builds: make([]BuildRecord, len(c.builds)), Skipped: c.skipped}
	for i, b := range c.builds {
		record := &h.Builds[i]
		record.Build = b.build.Build
		record.Results = make([]StepRecord, len(b.steps))
		for j, s := range b.steps {
			// A step whose definition is lost still has its key.
			record.Results[j] = StepRecord{Result: join(c.definitions[s.Definition].step, s), Build: record}
		}
	}
	return h
}
