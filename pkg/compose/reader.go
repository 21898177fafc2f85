package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// scheme marks a path in a pruned file that stands for an entry of reader.refs.
const scheme = "catmandu:"

// reader reads Compose files for one load, and gives compose-go pruned copies of them. compose-go opens the
// files of include and extends by itself, by path: for these the reader lays the copies in a temporary folder,
// behind the ResourceLoader interface.
type reader struct {
	vars     *variables
	sources  []source
	refs     []reference
	tmp      string
	warnings []Warning
}

// source is one file that was read, pruned.
type source struct {
	file string
	docs []*yaml.Node
}

// reference is a file that another one includes or extends.
type reference struct {
	file string
	// dir is what relative paths in it are relative to.
	dir string
	env types.Mapping
	// from are the files that led to it, outermost first.
	from   []string
	shadow string
}

// read prunes the content of file, whose relative paths are relative to dir.
func (r *reader) read(file string, text []byte, ref reference) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	if file == "-" {
		file = "standard input"
	}
	src := source{file: file}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if c := content(&doc); c == nil || c.Tag == "!!null" {
			continue
		}
		prune(&doc)
		src.docs = append(src.docs, &doc)
		if err := r.redirect(&doc, file, ref); err != nil {
			return nil, err
		}
		if err := enc.Encode(&doc); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	r.sources = append(r.sources, src)
	return out.Bytes(), nil
}

// pruned tells whether the files had something to read at all.
func (r *reader) pruned() bool {
	return slices.ContainsFunc(r.sources, func(s source) bool { return len(s.docs) > 0 })
}

// redirect replaces the files that a document includes and extends by references.
func (r *reader) redirect(doc *yaml.Node, file string, ref reference) error {
	root := content(doc)
	if root == nil || root.Kind != yaml.MappingNode {
		return nil
	}
	if inc := value(root, "include"); inc != nil && deref(inc).Kind == yaml.SequenceNode {
		for _, entry := range deref(inc).Content {
			if err := r.redirectInclude(entry, file, ref); err != nil {
				return err
			}
		}
	}
	services := value(root, "services")
	if services == nil || services.Kind != yaml.MappingNode {
		return nil
	}
	for i := 1; i < len(services.Content); i += 2 {
		svc := deref(services.Content[i])
		if svc.Kind != yaml.MappingNode {
			continue
		}
		ext := value(svc, "extends")
		if ext == nil || deref(ext).Kind != yaml.MappingNode {
			continue
		}
		if n := value(deref(ext), "file"); n != nil && !strings.HasPrefix(n.Value, scheme) {
			path, err := r.path(n, file, ref)
			if err != nil {
				return err
			}
			sub := reference{file: path, dir: filepath.Dir(path), env: ref.env, from: append(slices.Clone(ref.from), file)}
			*n = *r.refer(sub)
		}
	}
	return nil
}

// redirectInclude rewrites one entry of include into the long form, with its project directory spelled out and
// without env files that are not there.
func (r *reader) redirectInclude(entry *yaml.Node, file string, ref reference) error {
	entry = deref(entry)
	long := &yaml.Node{Kind: yaml.MappingNode}
	paths, dirNode, envNode := []*yaml.Node{entry}, (*yaml.Node)(nil), (*yaml.Node)(nil)
	if entry.Kind == yaml.MappingNode {
		p := value(entry, "path")
		if p == nil {
			return nil
		}
		paths, dirNode, envNode = list(p), value(entry, "project_directory"), value(entry, "env_file")
	}
	if len(paths) == 0 || paths[0].Kind != yaml.ScalarNode {
		return nil // the schema says it better
	}
	sub := reference{from: append(slices.Clone(ref.from), file)}
	var files []string
	for _, p := range paths {
		f, err := r.path(p, file, ref)
		if err != nil {
			return err
		}
		if i := slices.Index(sub.from, f); i >= 0 {
			return fmt.Errorf("%s:%d: include cycle: %s", file, p.Line, strings.Join(append(sub.from[i:], f), " → "))
		}
		files = append(files, f)
	}
	sub.dir = filepath.Dir(files[0])
	if dirNode != nil {
		dir, err := r.path(dirNode, file, ref)
		if err != nil {
			return err
		}
		sub.dir = dir
	}
	envFiles, err := r.includeEnv(envNode, file, ref, sub.dir)
	if err != nil {
		return err
	}
	fromFile, err := dotenv.GetEnvFromFile(ref.env, envFiles)
	if err != nil {
		return fmt.Errorf("%s:%d: include: %w", file, entry.Line, err)
	}
	sub.env = ref.env.Clone().Merge(fromFile)

	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, f := range files {
		sub.file = f
		list.Content = append(list.Content, r.refer(sub))
	}
	long.Content = append(long.Content, scalar("path"), list, scalar("project_directory"), scalar(escape(sub.dir)))
	if envNode != nil {
		env := &yaml.Node{Kind: yaml.SequenceNode}
		for _, f := range append(envFiles, "/dev/null") { // with none at all compose-go would read the default .env
			env.Content = append(env.Content, scalar(escape(f)))
		}
		long.Content = append(long.Content, scalar("env_file"), env)
	}
	long.Line = entry.Line
	*entry = *long
	return nil
}

// includeEnv returns the env files of an include entry that exist: those it names, or else .env in dir.
func (r *reader) includeEnv(n *yaml.Node, file string, ref reference, dir string) ([]string, error) {
	if n == nil {
		f := filepath.Join(dir, ".env")
		if s, err := os.Stat(f); err == nil && !s.IsDir() {
			return []string{f}, nil
		}
		return nil, nil
	}
	var out []string
	for _, e := range list(n) {
		f, err := r.path(e, file, ref)
		if err != nil {
			return nil, err
		}
		if s, err := os.Stat(f); err != nil || !s.Mode().IsRegular() {
			if f != "/dev/null" {
				r.warnings = append(r.warnings, Warning{
					Message:  fmt.Sprintf("include: env_file %s is not there", f),
					Position: Position{File: file, Line: e.Line},
				})
			}
			continue
		}
		out = append(out, f)
	}
	return out, nil
}

// path returns the absolute path that a node names, with its variables replaced.
func (r *reader) path(n *yaml.Node, file string, ref reference) (string, error) {
	s, err := template.SubstituteWithOptions(deref(n).Value, ref.env.Resolve, template.WithoutLogging)
	if err != nil {
		return "", fmt.Errorf("%s:%d: %w", file, n.Line, err)
	}
	if strings.Contains(s, "://") || strings.HasPrefix(s, "git@") {
		return "", fmt.Errorf("%s:%d: %s: files from elsewhere are not supported\nhint: fetch the file and name its path", file, n.Line, s)
	}
	if !filepath.IsAbs(s) {
		s = filepath.Join(ref.dir, s)
	}
	return filepath.Clean(s), nil
}

// refer returns a node that names ref to this reader's ResourceLoader.
func (r *reader) refer(ref reference) *yaml.Node {
	for i, old := range r.refs {
		if old.file == ref.file && old.dir == ref.dir && slices.Equal(old.from, ref.from) {
			return scalar(scheme + strconv.Itoa(i))
		}
	}
	r.refs = append(r.refs, ref)
	return scalar(scheme + strconv.Itoa(len(r.refs)-1))
}

func list(n *yaml.Node) []*yaml.Node {
	if n = deref(n); n.Kind == yaml.SequenceNode {
		return n.Content
	}
	return []*yaml.Node{n}
}

func scalar(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
}

// escape keeps a finished path from being interpolated.
func escape(path string) string { return strings.ReplaceAll(path, "$", "$$") }
