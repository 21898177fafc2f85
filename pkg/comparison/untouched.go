package comparison

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// untouched tells whether all that a build of a service could read is the same on both sides, so that nothing needs to be
// known of its steps. It saves the time that these would take.
func (c *comparer) untouched(ctx context.Context, t targets.Target) (bool, error) {
	if known, ok := c.same[t.Service]; ok {
		return known, nil
	}
	c.same[t.Service] = false // services that are built from one another in a circle are not built at all
	same, err := c.compareAll(ctx, t)
	c.same[t.Service] = same
	return same, err
}

func (c *comparer) compareAll(ctx context.Context, t targets.Target) (bool, error) {
	old := c.base.target(t.Service)
	if old == nil || c.base.Plan.Project != c.head.Plan.Project || c.base.declared(*old) != c.head.declared(t) {
		return false, nil
	}
	if !slices.Equal(c.base.Files.missing(folders(*old)), c.head.Files.missing(folders(t))) {
		return false, nil
	}
	before, after := sha256.New(), sha256.New()
	if err := c.base.print(ctx, before, *old); err != nil {
		return false, err
	}
	if err := c.head.print(ctx, after, t); err != nil {
		return false, err
	}
	if !bytes.Equal(before.Sum(nil), after.Sum(nil)) {
		return false, nil
	}
	for _, service := range links(t) {
		from := c.head.target(service)
		if from == nil {
			return false, nil
		}
		if same, err := c.untouched(ctx, *from); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// print writes what is in the folders of a target, and its Dockerfile.
func (s *Side) print(ctx context.Context, w io.Writer, t targets.Target) error {
	for _, dir := range folders(t) {
		if err := s.printFolder(ctx, w, dir); err != nil {
			return err
		}
	}
	if !filepath.IsAbs(t.Dockerfile) {
		return nil
	}
	for _, name := range []string{t.Dockerfile, t.Dockerfile + ".dockerignore"} {
		text, err := s.Files.readThrough(name)
		fmt.Fprintf(w, "%q %t\n", text, err == nil)
	}
	return nil
}

func (s *Side) printFolder(ctx context.Context, w io.Writer, dir string) error {
	all, err := s.Files.tree.FS(s.Files.Real(dir))
	if err != nil { // no revision has it: the disk is the same for both sides
		fmt.Fprintf(w, "%q\n", s.Files.Real(dir))
		return nil
	}
	return all.Walk(ctx, "", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stat, err := steps.StatOf(name, entry)
		if err != nil {
			return err
		}
		id := ""
		if fs.FileMode(stat.Mode).IsRegular() {
			if id, err = s.Files.id(filepath.Join(s.Files.within(dir), name), all, stat); err != nil {
				return err
			}
		}
		_, err = fmt.Fprintf(w, "%q %o %q %s\n", name, stat.Mode, stat.Linkname, id)
		return err
	})
}
