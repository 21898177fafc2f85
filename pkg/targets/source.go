package targets

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

// source is a Dockerfile together with the build context it is used in.
type source struct {
	// context is an absolute directory or a URL.
	context string
	// rel is the Dockerfile as the context sees it, for messages and for the words in its name.
	rel string
	*Dockerfile
}

// shown is a stage as warnings name it.
func (s source) shown(stage string) string {
	switch {
	case stage != "":
		return fmt.Sprintf("%q", stage)
	case len(s.Stages) == 1:
		return s.rel
	}
	return "the last stage of " + s.rel
}

// reader reads Dockerfiles, each once.
type reader struct {
	dir    string // of the project
	parsed map[string]*Dockerfile
	listed map[string]map[string]bool // names by folder
}

func newReader(dir string) *reader {
	return &reader{dir: dir, parsed: map[string]*Dockerfile{}, listed: map[string]map[string]bool{}}
}

// source returns the Dockerfile of a build section.
func (r *reader) source(s compose.Service) (source, error) {
	b := s.Build
	context := b.Context
	if context == "" {
		context = r.dir
	}
	if b.DockerfileInline != "" {
		d := ParseDockerfile("", []byte(b.DockerfileInline))
		return source{context, "dockerfile_inline", d}, nil
	}
	rel := dockerfileOf(b)
	if !filepath.IsAbs(context) {
		return source{context, rel, &Dockerfile{Path: rel, Unread: "remote context"}}, nil
	}
	if strings.Contains(rel, "://") {
		return source{context, rel, &Dockerfile{Path: rel, Unread: "remote Dockerfile"}}, nil
	}
	if err := checkContext(context); err != nil {
		return source{}, fmt.Errorf("%s: %w", place(r.dir, s.At("build.context")), err)
	}
	src, err := r.open(context, filepath.Clean(rel))
	if err != nil {
		return source{}, fmt.Errorf("%s: %w", place(r.dir, s.At("build.dockerfile")), err)
	}
	return src, nil
}

// dockerfileOf is the Dockerfile that a build section names, or the default.
func dockerfileOf(b compose.Build) string { return cmp.Or(b.Dockerfile, "Dockerfile") }

// open reads a Dockerfile of a local context.
func (r *reader) open(context, rel string) (source, error) {
	path := rel
	if !filepath.IsAbs(path) {
		path = filepath.Join(context, rel)
	} else if in, err := filepath.Rel(context, path); err == nil && filepath.IsLocal(in) {
		rel = in
	}
	d, err := r.read(path)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(path) == "Dockerfile" {
		// BuildKit takes this spelling as well: https://github.com/moby/moby/issues/10858
		d, err = r.read(filepath.Join(filepath.Dir(path), "dockerfile"))
	}
	if err != nil {
		return source{}, missingDockerfile(path, err)
	}
	return source{context, rel, d}, nil
}

func (r *reader) read(path string) (*Dockerfile, error) {
	if d, ok := r.parsed[path]; ok {
		return d, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := ParseDockerfile(path, text)
	r.parsed[path] = d
	return d, nil
}

// lists tells whether a path is in the listing of its folder: one look for the many names that a sibling may have.
func (r *reader) lists(path string) bool {
	dir := filepath.Dir(path)
	names, ok := r.listed[dir]
	if !ok {
		entries, _ := os.ReadDir(dir)
		names = map[string]bool{}
		for _, e := range entries {
			names[e.Name()] = true
		}
		r.listed[dir] = names
	}
	return names[filepath.Base(path)]
}

func checkContext(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		near := compose.Closest(filepath.Base(dir), folders(filepath.Dir(dir)))
		return fmt.Errorf("build context %s does not exist%s", dir, didYouMean(near))
	case err != nil:
		return fmt.Errorf("build context %s: %w", dir, cause(err))
	case !info.IsDir():
		return fmt.Errorf("build context %s is not a directory", dir)
	}
	return nil
}

func missingDockerfile(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, cause(err))
	}
	dir := filepath.Dir(path)
	if names := dockerfiles(dir); len(names) > 0 {
		return fmt.Errorf("no Dockerfile at %s\nhint: in that directory there are %s; name one in build.dockerfile",
			path, strings.Join(names, ", "))
	}
	return fmt.Errorf("no Dockerfile at %s", path)
}

// cause is the one in an error of package os, without the path that our message has already.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// dockerfiles are the names of files in dir that look like Dockerfiles, sorted.
func dockerfiles(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if !e.IsDir() && strings.Contains(name, "dockerfile") && !strings.HasSuffix(name, ".dockerignore") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

func folders(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// place is a position as messages show it: relative to the project where that is shorter to read.
func place(dir string, p compose.Position) string {
	if p.File == "" {
		return "Compose file"
	}
	if rel, err := filepath.Rel(dir, p.File); err == nil && filepath.IsLocal(rel) {
		p.File = rel
	}
	return p.String()
}

// siblings are the Dockerfiles that take the place of src for a kind, the best first: those with the words of the
// kind in their name or in the name of their folder, then the one with the other kind's word left out.
func (r *reader) siblings(src source, k Kind) []source {
	if src.Path == "" || src.Unread != "" || filepath.IsAbs(src.rel) {
		return nil
	}
	var found []source
	for _, rel := range siblingNames(src.rel, k) {
		if rel == src.rel || slices.ContainsFunc(found, func(s source) bool { return s.rel == rel }) {
			continue
		}
		if !r.lists(filepath.Join(src.context, rel)) {
			continue
		}
		if s, err := r.open(src.context, rel); err == nil && s.Unread == "" && s.Path != src.Path {
			found = append(found, s)
		}
	}
	return found
}

// siblingNames are where a Dockerfile of kind k would lie if rel is that of the other kind, or of none.
func siblingNames(rel string, k Kind) []string {
	dir, name := filepath.Split(filepath.ToSlash(rel))
	var names []string
	stem, stripped := stripSuffix(name, k.other())
	for _, w := range k.words() {
		for _, sep := range []string{".", "-", "_"} {
			names = append(names, dir+stem+sep+w)
		}
		names = append(names, dir+w+"."+stem)
	}
	names = append(names, swapFolder(dir, name, k)...)
	if stripped {
		names = append(names, dir+stem)
	}
	return names
}

// stripSuffix takes the word of kind k from the name of a Dockerfile: "Dockerfile" of "Dockerfile.dev".
func stripSuffix(name string, k Kind) (string, bool) {
	lower := strings.ToLower(name)
	for _, w := range k.words() {
		for _, sep := range []string{".", "-", "_"} {
			if strings.HasSuffix(lower, sep+w) {
				return name[:len(name)-len(w)-1], true
			}
		}
		if strings.HasPrefix(lower, w+".") {
			return name[len(w)+1:], true
		}
	}
	return name, false
}

// swapFolder replaces a folder named for the other kind by one for kind k: compose/local/web/Dockerfile becomes
// compose/production/web/Dockerfile.
func swapFolder(dir, name string, k Kind) []string {
	var names []string
	parts := strings.Split(dir, "/")
	for i, part := range parts {
		if !slices.Contains(k.other().words(), strings.ToLower(part)) {
			continue
		}
		for _, w := range k.words() {
			swapped := slices.Clone(parts)
			swapped[i] = w
			names = append(names, strings.Join(swapped, "/")+name)
		}
	}
	return names
}
