package targets

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Dockerfile is what a plan knows of one: its stages, and which of them use which.
type Dockerfile struct {
	// Path is absolute, or relative to a remote context; empty when the Dockerfile is inline.
	Path   string
	Stages []Stage
	// Unread says why there are no Stages, such as "remote context"; empty when there are.
	Unread string
	// Foreign is true when a frontend of its own may read it otherwise than we do: its syntax is not all ours.
	Foreign bool
}

// Stage is a FROM of a Dockerfile and what follows it.
type Stage struct {
	// Name is as written; empty for a stage without one.
	Name string
	// Base is the image or stage it starts from, with the defaults of ARGs filled in.
	Base string
	// Platform is that of its --platform flag, with the defaults of ARGs filled in.
	Platform string
	Line     int
	// On is the index of the stage it is built on, -1 when it starts from an image.
	On int
	// Copies are the indices of stages that a COPY --from or a RUN --mount takes files from, ascending.
	Copies []int
	Runs   []Run
	// CacheMounts tells that one of Runs has a cache mount.
	CacheMounts bool
}

// ParseDockerfile reads the stages of a Dockerfile. What BuildKit's own frontend cannot parse at all is not an
// error here: the answer then has no stages and says why.
func ParseDockerfile(path string, text []byte) *Dockerfile {
	return ParseDockerfileWith(path, text, nil)
}

// ParseDockerfileWith is ParseDockerfile with arguments that come before the defaults in the file.
func ParseDockerfileWith(path string, text []byte, given map[string]string) *Dockerfile {
	d := &Dockerfile{Path: path}
	result, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		d.Unread = "syntax of the Dockerfile: " + err.Error()
		return d
	}
	args := maps.Clone(given)
	if args == nil {
		args = map[string]string{}
	}
	for _, n := range result.AST.Children {
		switch strings.ToLower(n.Value) {
		case command.Arg:
			if len(d.Stages) == 0 {
				addDefaults(args, given, n)
			}
		case command.From:
			d.addStage(n, args)
		case command.Copy:
			d.addSources(n)
		case command.Run:
			d.addSources(n)
			d.addRun(n)
		}
	}
	if len(d.Stages) == 0 {
		d.Unread = "no FROM in the Dockerfile"
	}
	_, _, err = instructions.Parse(result.AST, nil)
	d.Foreign = err != nil
	return d
}

func (d *Dockerfile) addStage(n *parser.Node, args map[string]string) {
	words := nodeWords(n)
	s := Stage{Line: n.StartLine, On: -1}
	if len(words) > 0 {
		s.Base = expand(words[0], args)
		s.On = d.Index(s.Base)
	}
	for _, flag := range n.Flags {
		if platform, ok := strings.CutPrefix(flag, "--platform="); ok {
			s.Platform = expand(platform, args)
		}
	}
	if len(words) == 3 && strings.EqualFold(words[1], "as") {
		s.Name = words[2]
	}
	d.Stages = append(d.Stages, s)
}

// addSources notes the stages that a COPY or RUN of the last stage takes files from.
func (d *Dockerfile) addSources(n *parser.Node) {
	if len(d.Stages) == 0 {
		return
	}
	last := len(d.Stages) - 1
	for _, from := range sources(n) {
		i := d.Index(from)
		if number, err := strconv.Atoi(from); err == nil && strings.EqualFold(n.Value, command.Copy) {
			i = number
		}
		s := &d.Stages[last]
		if i >= 0 && i < last && !slices.Contains(s.Copies, i) {
			s.Copies = append(s.Copies, i)
		}
	}
	slices.Sort(d.Stages[last].Copies)
}

// sources are the names in the --from flags of a COPY and the --mount flags of a RUN.
func sources(n *parser.Node) []string {
	var names []string
	for _, flag := range n.Flags {
		if from, ok := strings.CutPrefix(flag, "--from="); ok {
			names = append(names, from)
		}
		mount, ok := strings.CutPrefix(flag, "--mount=")
		if !ok {
			continue
		}
		for field := range strings.SplitSeq(mount, ",") {
			if from, ok := strings.CutPrefix(strings.Trim(field, `" `), "from="); ok {
				names = append(names, from)
			}
		}
	}
	return names
}

func nodeWords(n *parser.Node) []string {
	var words []string
	for next := n.Next; next != nil; next = next.Next {
		words = append(words, next.Value)
	}
	return words
}

func addDefaults(args, given map[string]string, n *parser.Node) {
	for _, word := range nodeWords(n) {
		name, value, ok := strings.Cut(word, "=")
		if _, is := given[name]; ok && !is {
			args[name] = expand(strings.Trim(value, `"'`), args)
		}
	}
}

// expand replaces $NAME, ${NAME}, ${NAME:-default} and ${NAME:+other}. The rest of the shell's forms is rare in a
// FROM, and a wrong base costs no more than an unknown one.
func expand(word string, args map[string]string) string {
	return os.Expand(word, func(expr string) string {
		for i, r := range expr {
			if r != ':' && r != '-' && r != '+' {
				continue
			}
			value, set := args[expr[:i]]
			op := strings.TrimPrefix(expr[i:], ":")
			switch {
			case strings.HasPrefix(op, "-") && value == "":
				return op[1:]
			case strings.HasPrefix(op, "+") && set:
				return op[1:]
			case strings.HasPrefix(op, "+"):
				return ""
			}
			return value
		}
		return args[expr]
	})
}

// Index is the index of the stage of that name, -1 when there is none. Case does not count, and of several the last
// wins, as in BuildKit.
func (d *Dockerfile) Index(name string) int {
	if name == "" {
		return -1
	}
	for i, s := range slices.Backward(d.Stages) {
		if strings.EqualFold(s.Name, name) {
			return i
		}
	}
	return -1
}

// Names are the named stages in the order of the file.
func (d *Dockerfile) Names() []string {
	var names []string
	for _, s := range d.Stages {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// last is the stage that is built when none is named.
func (d *Dockerfile) last() Stage { return d.Stages[len(d.Stages)-1] }

// builtOn tells whether another stage starts from stage i.
func (d *Dockerfile) builtOn(i int) bool {
	return slices.ContainsFunc(d.Stages, func(s Stage) bool { return s.On == i })
}

// copiedFrom tells whether another stage takes files from stage i.
func (d *Dockerfile) copiedFrom(i int) bool {
	return slices.ContainsFunc(d.Stages, func(s Stage) bool { return slices.Contains(s.Copies, i) })
}

// descendsFromDev tells whether stage i is built, at any distance, on a stage of kind dev.
func (d *Dockerfile) descendsFromDev(i int) bool {
	for on := d.Stages[i].On; on >= 0; on = d.Stages[on].On {
		if environment(d.Stages[on].Name) == Dev {
			return true
		}
	}
	return false
}

// lastTarget is the word that builds the last stage: its name, or empty when it has none. A frontend that is not ours
// is not told a name that nobody asked for.
func (d *Dockerfile) lastTarget() string {
	if d.Foreign {
		return ""
	}
	return d.last().Name
}
