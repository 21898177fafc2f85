package joint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// locals are the folders of a job. Builds that have one in common see it under the same name.
type locals struct {
	mounts map[string]fsutil.FS
	dirs   map[string]string
}

func newLocals(builds []Build) (*locals, error) {
	l := &locals{mounts: map[string]fsutil.FS{}, dirs: map[string]string{}}
	for _, b := range builds {
		dirs := []string{b.Context}
		for _, dir := range b.Contexts {
			dirs = append(dirs, dir)
		}
		for _, dir := range dirs {
			name := localName(dir)
			if _, known := l.dirs[name]; known {
				continue
			}
			mount, err := fsutil.NewFS(dir)
			if err != nil {
				return nil, err
			}
			l.mounts[name], l.dirs[name] = mount, dir
		}
	}
	return l, nil
}

const localPrefix = "context-"

// localName is what BuildKit calls a folder. It is the same in every job, so that BuildKit finds what it got the last
// time.
func localName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return localPrefix + hex.EncodeToString(sum[:8])
}

// What the frontend calls the folders of the build context and of the Dockerfile. BuildKit sees neither.
const (
	contextName    = "context"
	dockerfileName = "dockerfile"
)

// attrs are all attributes of the frontend for a build.
func (l *locals) attrs(b Build) map[string]string {
	attrs := maps.Clone(b.Attrs)
	if attrs == nil {
		attrs = map[string]string{}
	}
	attrs["filename"] = "Dockerfile"
	if b.Dockerfile != "" {
		attrs["filename"] = filepath.Base(b.Dockerfile)
	}
	for name, dir := range b.Contexts {
		attrs["context:"+name] = "local:" + localName(dir)
	}
	return attrs
}

// files are those that the frontend reads by itself: Dockerfiles and ignore files.
func (l *locals) files(b Build, name string, odd func(error)) (gateway.Reference, error) {
	switch dir, known := l.dirs[name]; {
	case known:
		return &files{dir: dir, odd: odd}, nil
	case name == contextName:
		return &files{dir: b.Context, odd: odd}, nil
	case name != dockerfileName:
		return nil, fmt.Errorf("there is no folder %q", name)
	case b.Dockerfile == "":
		return &files{inline: map[string]string{"Dockerfile": b.Inline}, odd: odd}, nil
	}
	return &files{dir: filepath.Dir(b.Dockerfile), odd: odd}, nil
}

// files reads from a folder, or from texts.
type files struct {
	gateway.Reference
	dir    string
	inline map[string]string
	// odd is told of a file that is there and can't be read as BuildKit would: the frontend takes it for missing.
	odd func(error)
}

// errLink is for files that BuildKit would look for elsewhere than we do.
var errLink = errors.New("is no regular file")

func (f *files) read(name string) ([]byte, error) {
	text, err := f.find(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.odd(err)
	}
	return text, err
}

func (f *files) find(name string) ([]byte, error) {
	if f.inline != nil {
		text, ok := f.inline[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		return []byte(text), nil
	}
	path := filepath.Join(f.dir, filepath.Base(name))
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, errLink)
	}
	return os.ReadFile(path)
}

func (f *files) ReadFile(_ context.Context, req gateway.ReadRequest) ([]byte, error) {
	text, err := f.read(req.Filename)
	if err != nil || req.Range == nil {
		return text, err
	}
	text = text[min(req.Range.Offset, len(text)):]
	if req.Range.Length > 0 {
		text = text[:min(req.Range.Length, len(text))]
	}
	return text, nil
}

func (f *files) StatFile(_ context.Context, req gateway.StatRequest) (*fstypes.Stat, error) {
	text, err := f.read(req.Path)
	if err != nil {
		return nil, err
	}
	return &fstypes.Stat{Path: req.Path, Mode: 0o644, Size: int64(len(text)), ModTime: time.Time{}.UnixNano()}, nil
}

const localScheme = "local://"

// onlyLocal returns the name of the folder when a graph is nothing but that.
func onlyLocal(def *pb.Definition) (string, error) {
	name, sources := "", 0
	for _, text := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(text); err != nil {
			return "", err
		}
		switch source := op.GetSource(); {
		case op.Op == nil: // the end of every graph
		case source == nil || !strings.HasPrefix(source.Identifier, localScheme):
			return "", nil
		default:
			sources++
			name = strings.TrimPrefix(source.Identifier, localScheme)
		}
	}
	if sources != 1 {
		return "", nil
	}
	return name, nil
}
