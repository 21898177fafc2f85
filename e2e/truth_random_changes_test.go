//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutate makes up a change.
func (d *randomDockerfile) mutate(tr *workTree) (mutation, error) {
	d.random = tr.random
	if d.random.IntN(2) == 0 {
		return d.mutateFile(tr)
	}
	before, err := os.ReadFile(tr.path("Dockerfile"))
	if err != nil {
		return mutation{}, err
	}
	d.stages = clone(d.texts[string(before)])
	name, w := d.mutateLine()
	after := d.keep()
	return mutation{name, replace("Dockerfile", after), nil, w}, nil
}

func (d *randomDockerfile) mutateFile(tr *workTree) (mutation, error) {
	folder := randomFolders[d.random.IntN(len(randomFolders))]
	paths, err := filepath.Glob(filepath.Join(tr.path(folder), "*"))
	if err != nil {
		return mutation{}, err
	}
	path := paths[d.random.IntN(len(paths))]
	name, _ := filepath.Rel(tr.dir, path)
	if filepath.Base(name) == "sub" {
		name += "/g"
	}
	fresh := fmt.Sprintf("%s/f%d", folder, 10+d.number())
	removable := filepath.Base(name) > "f1" && filepath.Base(name) != "g" // f0 and f1 are copied by name
	switch n := d.random.IntN(12); {
	case n < 3:
		return mutation{"edit " + name, rewrite(name), nil, byFiles}, nil
	case n < 5:
		return mutation{"lengthen " + name, lengthen(name), nil, byFiles}, nil
	case n == 5:
		mode := []os.FileMode{0o600, 0o644, 0o664, 0o755}[d.random.IntN(4)]
		if info, err := os.Stat(tr.path(name)); err == nil && info.Mode().Perm() == mode {
			mode = 0o666
		}
		return mutation{fmt.Sprintf("chmod %o %s", mode, name), chmod(name, mode), nil, byFiles}, nil
	case n == 6:
		return mutation{"touch " + name, shell("touch " + name), nil, nothing}, nil
	case n == 7 && removable:
		return mutation{"remove " + name, remove(name), nil, byFiles}, nil
	case n == 8 && removable:
		return mutation{"rename " + name + " " + fresh, rename(name, fresh), nil, byFiles}, nil
	case n == 9:
		return mutation{"create " + fresh, create(fresh, fresh+"\n"), nil, byFiles}, nil
	case n == 10:
		return mutation{"create unused", replace("unused", fresh), nil, nothing}, nil
	}
	return mutation{"rewrite " + name, replace(name, "all new "+fresh+"\n"), nil, byFiles}, nil
}

func (d *randomDockerfile) mutateLine() (string, want) {
	i := d.random.IntN(len(d.stages))
	s := &d.stages[i]
	j := d.random.IntN(len(s.lines))
	var text string
	var w want
	switch n := d.random.IntN(10); {
	case n < 5:
		text, w = d.edit(&s.lines[j])
	case n < 7:
		l := d.line(i)
		s.lines = slices.Insert(s.lines, j, l)
		text, w = "insert "+l.text, l.want()
	case n == 7 && s.lines[j].kind != "run" && len(s.lines) > 2:
		l := s.lines[j]
		s.lines = slices.Delete(s.lines, j, j+1)
		text, w = "delete "+l.text, l.want()
	case n == 8 && j > 0:
		a, b := s.lines[j-1], s.lines[j]
		s.lines[j-1], s.lines[j] = b, a
		text, w = fmt.Sprintf("swap %s and %s", a.text, b.text), want{kinds: append(a.want().kinds, b.want().kinds...)}
		if a.want().nothing && b.want().nothing {
			w = nothing
		}
	case n == 9:
		l := d.lineOf(i, "run")
		s.lines[j], text, w = l, "replace "+s.lines[j].text, want{kinds: append(byInstruction.kinds, s.lines[j].want().kinds...)}
	default:
		text, w = d.edit(&s.lines[j])
	}
	return s.name + ": " + text, w
}

// edit changes a line into another of its kind.
func (d *randomDockerfile) edit(l *randomLine) (string, want) {
	n := d.number()
	before := l.text
	w := byInstruction
	switch l.kind {
	case "env":
		l.text, w = fmt.Sprintf("ENV %s=v%d", l.name, n), byEnv(l.name)
	case "arg":
		l.text, w = fmt.Sprintf("ARG %s=v%d", l.name, n), byArg(l.name)
	case "label":
		l.text, w = fmt.Sprintf("LABEL l=%d", n), nothing
	case "workdir":
		l.text = fmt.Sprintf("WORKDIR /in/w%d", n)
	case "run":
		l.text = strings.Replace(l.text, "mix ", fmt.Sprintf("mix %d-", n), 1)
	case "copy", "from":
		i := strings.LastIndex(l.text, " ")
		l.text = fmt.Sprintf("%s /in/to%d/", l.text[:i], n)
	case "user":
		l.text = map[bool]string{true: "USER 65534", false: "USER 0"}[before == "USER 0"]
	}
	return before + " becomes " + l.text, w
}

// want is what a line's coming or going leads to.
func (l randomLine) want() want {
	switch l.kind {
	case "env":
		return want{kinds: []string{"env", "instruction", "new"}, name: l.name}
	case "arg":
		return want{kinds: []string{"arg", "env", "instruction", "new"}, name: l.name}
	case "label":
		return nothing
	}
	return byInstruction
}
