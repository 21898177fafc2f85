package revision

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// skeletonSize is the size up to which a file is taken for one that describes a build.
const skeletonSize = 1 << 20

// Skeleton writes into an existing folder what loading a Compose project and its Dockerfiles may need: all folders and
// links, the files whose names tell that they describe a build, and those named by absolute path, which may be absent.
// A link that leads to the working tree leads to the skeleton there, one that leads out of it to where it led.
func (t *Tree) Skeleton(ctx context.Context, to string, also ...string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(to) // names of a revision must not lead elsewhere, whatever links it has
	if err != nil {
		return err
	}
	defer root.Close()
	wanted := map[*node]bool{}
	for _, name := range also {
		if n, err := t.find("open", name, true); err == nil {
			wanted[n] = true
		}
	}
	s := skeleton{tree: t, root: root, to: to, wanted: wanted}
	if err := s.write(ctx, t.nodes[""]); err != nil {
		return err
	}
	for _, n := range s.links {
		if err := s.writeLink(n); err != nil {
			return err
		}
	}
	return nil
}

type skeleton struct {
	tree   *Tree
	root   *os.Root
	to     string
	wanted map[*node]bool
	links  []*node // written last: until then no path leads through one
}

func (s *skeleton) write(ctx context.Context, n *node) error {
	for _, child := range n.children {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		switch {
		case child.mode.IsDir():
			if err = s.root.Mkdir(filepath.FromSlash(child.path), 0o755); errors.Is(err, fs.ErrExist) {
				err = nil
			}
			if err == nil {
				err = s.write(ctx, child)
			}
		case child.isLink():
			s.links = append(s.links, child)
		case s.wanted[child] || describesBuild(child.name()) && child.size <= skeletonSize:
			err = s.writeFile(child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *skeleton) writeFile(n *node) error {
	in, err := s.tree.open(n)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := s.root.OpenFile(filepath.FromSlash(n.path), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, n.mode.Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func (s *skeleton) writeLink(n *node) error {
	link, err := s.tree.readLink(n)
	if err != nil {
		return err
	}
	if filepath.IsAbs(link) {
		if rel, ok := s.tree.Rel(link); ok {
			link = filepath.Join(s.to, filepath.FromSlash(rel))
		}
	} else if !filepath.IsLocal(filepath.FromSlash(path.Join(dirOf(n.path), link))) {
		link = filepath.Join(filepath.Dir(s.tree.disk(n)), filepath.FromSlash(link))
	}
	err = s.root.Symlink(link, filepath.FromSlash(n.path))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// describesBuild tells whether a name is that of a Compose file, env file, Dockerfile or ignore file.
func describesBuild(name string) bool {
	name = strings.ToLower(name)
	switch path.Ext(name) {
	case ".yml", ".yaml", ".env", ".dockerignore":
		return true
	}
	return strings.HasPrefix(name, ".env") || strings.Contains(name, "dockerfile") || strings.Contains(name, "containerfile")
}
