package edit

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// source is a file of the step that takes the most source files; of equals, of that with the most commands after it.
func (p *picker) source(deps *pick) *pick {
	var by *taker
	var code []steps.File
	for _, t := range p.takers {
		own := p.code(t, deps)
		if by == nil || cmp.Or(cmp.Compare(len(own), len(code)), cmp.Compare(len(t.runs), len(by.runs))) > 0 {
			by, code = t, own
		}
	}
	if len(code) == 0 {
		return nil
	}
	family := p.family(code)
	least := func(a, b steps.File) int {
		return cmp.Or(slices.Compare(p.rank(a.Path, family), p.rank(b.Path, family)), cmp.Compare(a.Path, b.Path))
	}
	why := fmt.Sprintf("one of %d source files that line %d takes", len(code), by.step.Line)
	if len(code) == 1 {
		why = fmt.Sprintf("the source file that line %d takes", by.step.Line)
	}
	return &pick{slices.MinFunc(code, least), by, why}
}

// code are the source files that no step takes earlier: those that the list of dependencies comes with are left to that.
func (p *picker) code(t *taker, deps *pick) []steps.File {
	var out []steps.File
	for _, f := range t.files {
		_, isList := listKind(f.Path)
		if isList || p.earliest[f.Path] != t || isBuildFile(f.Path) || isLocked(f.Path) || isVendored(f.Path) || isTest(f.Path) {
			continue
		}
		if deps != nil && f.Path == deps.file.Path {
			continue
		}
		if p.languageOf(f) != "" {
			out = append(out, f)
		}
	}
	return out
}

// family is the language of most files. Markup and scripts count only where nothing else does: they come with every project.
func (p *picker) family(code []steps.File) string {
	count := map[string]int{}
	for _, f := range code {
		count[p.languageOf(f)]++
	}
	best := ""
	for _, l := range []bool{true, false} {
		for name, n := range count {
			if isMinor[name] != l && (best == "" || n > count[best] || n == count[best] && name < best) {
				best = name
			}
		}
		if best != "" {
			break
		}
	}
	return best
}

// languageOf is the language of a file by its name, or that it is a program by its content.
func (p *picker) languageOf(f steps.File) string {
	if l := language(f.Path); l != "" {
		return l
	}
	if path.Ext(f.Path) != "" {
		return ""
	}
	script, known := p.sniffed[f.Path]
	if !known {
		script = isScript(filepath.Join(p.context, filepath.FromSlash(f.Path)))
		p.sniffed[f.Path] = script
	}
	if script {
		return "script"
	}
	return ""
}

func isScript(file string) bool {
	in, err := os.Open(file)
	if err != nil {
		return false
	}
	defer in.Close()
	head := make([]byte, 2)
	_, err = io.ReadFull(in, head)
	return err == nil && string(head) == "#!"
}

// rank is less for a file that a developer is more likely to edit, and whose edit runs more of the build.
func (p *picker) rank(name, family string) []int {
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	return []int{
		weigh(p.languageOf(steps.File{Path: name}) != family),
		weigh(isAside(name)),
		mainness(stem) * (1 + weigh(!p.isOfService(name))), // of the service, or of any
		strings.Count(name, "/"),
		weigh(!p.isOfService(name)),
	}
}

func weigh(bad bool) int {
	if bad {
		return 1
	}
	return 0
}

// isOfService tells whether a folder of the path is named for the service, as in cmd/api/main.go.
func (p *picker) isOfService(name string) bool {
	return slices.Contains(strings.Split(path.Dir(name), "/"), p.service)
}
