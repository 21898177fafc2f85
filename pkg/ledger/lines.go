package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// version is that of the lines. A change that old readers would misread needs a new one; a new field does not.
const version = 1

// header begins every line.
type header struct {
	Line string `json:"kind"`
	V    int    `json:"v"`
}

// definitionLine describes a step as far as it is the same from build to build, so that it is stored once.
type definitionLine struct {
	header
	// ID is the digest of Step's text.
	ID   string     `json:"id"`
	Step steps.Step `json:"step"`
}

// stepLine is one Result. Its Step is the definition's with the fields here that differ from build to build.
type stepLine struct {
	header
	Build      string   `json:"build"`
	Definition string   `json:"definition"`
	Key        string   `json:"key,omitempty"`
	Unknown    string   `json:"unknown,omitempty"`
	Digest     string   `json:"digest,omitempty"`
	Inputs     []string `json:"inputs,omitempty"`
	Files      string   `json:"files,omitempty"`
	Result
}

// buildLine follows the step lines of its build. It is what makes them count: a writer may die before it.
type buildLine struct {
	header
	Build
	// Steps is how many step lines there are.
	Steps int `json:"steps"`
}

// split takes the step of r apart. What is left of it in the definition is all that a later version may add to steps.Step.
func split(r Result) (definition steps.Step, line stepLine) {
	s := r.Step
	line = stepLine{
		header: header{"step", version}, Key: s.Key, Unknown: s.Unknown, Digest: s.Digest, Inputs: s.Inputs, Files: s.Files, Result: r,
	}
	line.Step = steps.Step{}
	line.Started = r.Started.UTC()
	s.Key, s.Unknown, s.Digest, s.Inputs, s.Files, s.Takes = "", "", "", nil, "", nil
	return s, line
}

// join is the other way round, without Takes.
func join(definition steps.Step, line stepLine) Result {
	r := line.Result
	r.Step = definition
	s := &r.Step
	s.Key, s.Unknown, s.Digest, s.Inputs, s.Files = line.Key, line.Unknown, line.Digest, line.Inputs, line.Files
	if s.Inputs == nil {
		s.Inputs = []string{}
	}
	return r
}

const (
	definitionStart = `{"kind":"definition","v":1,"id":"`
	definitionStep  = `","step":`
	sumSize         = 24 // hexadecimal digits
)

// sum is short, for it is on every line, and long enough for what one project has.
func sum(text []byte) string {
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])[:sumSize]
}

// define returns the definition's line, in the form that defined knows.
func define(step steps.Step) (id string, line []byte, err error) {
	text, err := marshal(step)
	if err != nil {
		return "", nil, err
	}
	id = sum(text)
	return id, []byte(definitionStart + id + definitionStep + string(text) + "}"), nil
}

// defined returns the id and the step of a definition's line when it is whole, without parsing it: Append has to do this for
// all of the file.
func defined(line []byte) (id string, step []byte, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(definitionStart))
	if !ok || len(rest) < sumSize {
		return "", nil, false
	}
	id = string(rest[:sumSize])
	if step, ok = bytes.CutPrefix(rest[sumSize:], []byte(definitionStep)); !ok {
		return "", nil, false
	}
	step, ok = bytes.CutSuffix(step, []byte("}"))
	return id, step, ok && sum(step) == id
}

// marshal is json.Marshal with && left as it is: commands are full of it.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
