package comparison

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// guess compares all that a build could take where the graph doesn't tell what it does take.
func (c *comparer) guess(ctx context.Context, out *Change, old, now targets.Target, g *steps.Graph) (bool, error) {
	out.Exact = false
	why := "not predictable: " + unknown(g)
	if c.base.declared(old) != c.head.declared(now) {
		out.Reason = why + ", and its build section changed"
		return true, nil
	}
	before, err := c.base.files(ctx, old)
	if err != nil {
		return false, err
	}
	after, err := c.head.files(ctx, now)
	if err != nil {
		return false, err
	}
	if changes := steps.CompareFiles(before, after); len(changes) > 0 {
		out.Cause = fileCause(changes)
		out.Reason = why + ", and files that it may take changed: " + out.Cause.Text
		return true, nil
	}
	if !slices.Equal(c.base.Files.missing(folders(old)), c.head.Files.missing(folders(now))) {
		out.Reason = why + ", and a submodule changed whose files are not here"
		return true, nil
	}
	for _, service := range links(now) {
		from := c.head.target(service)
		if from == nil {
			continue
		}
		if change, err := c.change(ctx, *from); change != nil || err != nil {
			out.Reason = why + fmt.Sprintf(", and service %q is affected", service)
			return true, err
		}
	}
	return false, nil
}

// unknown says why a graph has no key.
func unknown(g *steps.Graph) string {
	if g == nil {
		return "its steps are not known"
	}
	if g.Unknown != "" {
		return g.Unknown
	}
	for _, s := range g.Steps {
		if s.Unknown != "" {
			return s.Unknown
		}
	}
	return "a step of it can't be known from outside"
}

// declared is all that is said of a target but where on disk it is, and why.
func (s *Side) declared(t targets.Target) string {
	t.Reason, t.Linked = "", false
	text, err := json.Marshal(t)
	if err != nil {
		return err.Error()
	}
	if s.Files.under == "" {
		return string(text)
	}
	return strings.ReplaceAll(string(text), s.Files.under, "")
}

// files are all those in the folders of a target, and its Dockerfile.
func (s *Side) files(ctx context.Context, t targets.Target) ([]steps.File, error) {
	var out []steps.File
	for i, dir := range folders(t) {
		below, err := s.walk(ctx, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range below {
			if i > 0 {
				f.Path = filepath.Base(dir) + "/" + f.Path
			}
			out = append(out, f)
		}
	}
	for _, name := range []string{t.Dockerfile, t.Dockerfile + ".dockerignore"} {
		if !filepath.IsAbs(t.Dockerfile) {
			break
		}
		text, err := s.Files.readThrough(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			text = []byte(err.Error())
		}
		sum := digest.FromBytes(text).String()
		out = append(out, steps.File{Path: path.Base(filepath.ToSlash(name)) + " of the build", Digest: sum, Content: sum})
	}
	return out, ctx.Err()
}

// walk lists what lies below a folder.
func (s *Side) walk(ctx context.Context, dir string) ([]steps.File, error) {
	all, err := s.Files.FS(dir)
	if err != nil {
		return nil, err
	}
	var out []steps.File
	err = all.Walk(ctx, "", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		stat, err := steps.StatOf(name, entry)
		if err != nil {
			return err
		}
		f := steps.File{Path: filepath.ToSlash(name), Mode: stat.Mode, Link: stat.Linkname, Size: stat.Size}
		f.Digest = fmt.Sprintf("%o %s", stat.Mode, stat.Linkname)
		if fs.FileMode(stat.Mode).IsRegular() {
			sums, err := s.Files.Sum(dir, all, stat)
			if err != nil {
				return err
			}
			f.Digest, f.Content = sums.File.String(), sums.Content.String()
		}
		out = append(out, f)
		return nil
	})
	return out, err
}

// folders are the build context of a target and its named contexts, those that are local.
func folders(t targets.Target) []string {
	var out []string
	for _, dir := range append([]string{t.Context}, sortedValues(t.Build.AdditionalContexts)...) {
		if filepath.IsAbs(dir) {
			out = append(out, dir)
		}
	}
	return out
}

// links are the services that a target is built from.
func links(t targets.Target) []string {
	var out []string
	for _, from := range sortedValues(t.Build.AdditionalContexts) {
		if service, ok := strings.CutPrefix(from, "service:"); ok {
			out = append(out, service)
		}
	}
	return out
}

func sortedValues(m map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[name])
	}
	return out
}

// fileCause tells of changed files, the first of them.
func fileCause(changes []steps.FileChange) *steps.Cause {
	var words []string
	for _, f := range changes[:min(3, len(changes))] {
		words = append(words, f.String())
	}
	c := &steps.Cause{Kind: steps.CauseFiles, Text: strings.Join(words, ", "), Files: changes[:min(100, len(changes))]}
	if more := len(changes) - 3; more > 0 {
		c.Text += fmt.Sprintf(" and %d more", more)
	}
	return c
}
