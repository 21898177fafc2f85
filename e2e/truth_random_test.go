//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// randomProjects are Dockerfiles that are made up, with as many mutations in all.
func randomProjects(seed uint64, mutations int) []truthProject {
	const each = 40
	var all []truthProject
	for i := 0; mutations > 0; i++ {
		d := newRandomDockerfile(fmt.Sprintf("random%d", i), rand.New(rand.NewPCG(seed, uint64(i))))
		p := truthProject{name: d.name, files: d.files(), next: d.mutate, times: min(each, mutations)}
		all, mutations = append(all, p), mutations-each
	}
	return all
}

// randomDockerfile is a graph of stages, each of which takes files, runs programs, and takes what earlier stages made.
type randomDockerfile struct {
	name   string
	random *rand.Rand
	stages []randomStage
	texts  map[string][]randomStage // of all Dockerfiles so far, since changes are undone
	made   int                      // a number for each thing, so that nothing is made twice
}

type randomStage struct {
	name, from string
	lines      []randomLine
}

// randomLine is an instruction. What it is decides what changes to it lead to.
type randomLine struct {
	kind string // copy, run, from, env, arg, workdir, user, label
	name string // of the variable, or the stage that is copied from
	text string
}

// The folders of the context, each with some files. A stage copies a folder, some files of it or one.
var randomFolders = []string{"src", "lib", "conf"}

func newRandomDockerfile(name string, random *rand.Rand) *randomDockerfile {
	d := &randomDockerfile{name: name, random: random, texts: map[string][]randomStage{}}
	for i := range 3 + random.IntN(3) {
		s := randomStage{name: fmt.Sprintf("s%d", i), from: "truth/" + name + ":1"}
		if i > 0 && random.IntN(2) == 0 {
			s.from = d.stages[random.IntN(i)].name
		}
		for range 2 + random.IntN(4) {
			s.lines = append(s.lines, d.line(i))
		}
		s.lines = append(s.lines, d.lineOf(i, "run"))
		d.stages = append(d.stages, s)
	}
	last := &d.stages[len(d.stages)-1]
	for _, s := range d.stages[:len(d.stages)-1] {
		if random.IntN(4) > 0 { // few are not reached
			last.lines = slices.Insert(last.lines, 0, d.copyFrom(s.name))
		}
	}
	return d
}

func (d *randomDockerfile) number() int {
	d.made++
	return d.made
}

func (d *randomDockerfile) line(stage int) randomLine {
	kinds := []string{"copy", "copy", "copy", "run", "run", "from", "env", "arg", "workdir", "user", "label", "mount"}
	return d.lineOf(stage, kinds[d.random.IntN(len(kinds))])
}

func (d *randomDockerfile) lineOf(stage int, kind string) randomLine {
	n := d.number()
	folder := randomFolders[d.random.IntN(len(randomFolders))]
	source := []string{folder, folder + "/f*", folder + "/f1", folder + "/sub/ " + folder + "/f0"}[d.random.IntN(4)]
	switch kind {
	case "copy":
		flag := []string{"", "", "", "--link ", "--chmod=640 "}[d.random.IntN(5)]
		return randomLine{kind: kind, text: fmt.Sprintf("COPY %s%s /in/%d/", flag, source, n)}
	case "from":
		if stage == 0 {
			return d.lineOf(stage, "copy")
		}
		return d.copyFrom(d.stages[d.random.IntN(stage)].name)
	case "env":
		return randomLine{kind: kind, name: fmt.Sprintf("E%d", n), text: fmt.Sprintf("ENV E%d=e%d", n, n)}
	case "arg":
		return randomLine{kind: kind, name: fmt.Sprintf("A%d", n), text: fmt.Sprintf("ARG A%d=a%d", n, n)}
	case "workdir":
		return randomLine{kind: kind, text: fmt.Sprintf("WORKDIR /in/w%d", n)}
	case "user":
		return randomLine{kind: kind, text: []string{"USER 0", "USER 65534"}[d.random.IntN(2)]}
	case "label":
		return randomLine{kind: kind, text: fmt.Sprintf("LABEL l=%d", n)}
	case "mount":
		return randomLine{kind: "run", text: fmt.Sprintf("RUN --mount=type=bind,source=%s,target=/in/%d mix %d >/out/%d", folder, n, n, n)}
	}
	return randomLine{kind: "run", text: fmt.Sprintf("RUN mix %d >/out/%d", n, n)}
}

func (d *randomDockerfile) copyFrom(stage string) randomLine {
	return randomLine{kind: "from", name: stage, text: fmt.Sprintf("COPY --from=%s /out /in/%d/", stage, d.number())}
}

func (d *randomDockerfile) String() string {
	var text strings.Builder
	for _, s := range d.stages {
		fmt.Fprintf(&text, "FROM %s AS %s\n", s.from, s.name)
		for _, l := range s.lines {
			fmt.Fprintln(&text, l.text)
		}
	}
	return text.String()
}

// keep returns the text, and remembers what it is of.
func (d *randomDockerfile) keep() string {
	text := d.String()
	d.texts[text] = clone(d.stages)
	return text
}

func clone(stages []randomStage) []randomStage {
	stages = slices.Clone(stages)
	for i := range stages {
		stages[i].lines = slices.Clone(stages[i].lines)
	}
	return stages
}

func (d *randomDockerfile) files() map[string]string {
	files := map[string]string{"compose.yaml": composeOf("."), "Dockerfile": d.keep()}
	for _, folder := range randomFolders {
		for f := range 4 {
			files[fmt.Sprintf("%s/f%d", folder, f)] = fmt.Sprintf("f%d in %s of %s\n", f, folder, d.name)
		}
		files[folder+"/sub/g"] = fmt.Sprintf("g in %s of %s\n", folder, d.name)
	}
	return files
}
