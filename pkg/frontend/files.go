package frontend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// What the frontend calls the folders of the build context and of the Dockerfile.
const (
	ContextFolder    = "context"
	DockerfileFolder = "dockerfile"
)

// ErrLink is for files that BuildKit would look for elsewhere than we do.
var ErrLink = errors.New("is no regular file")

// ReadFile reads a file of a folder as BuildKit would be sent it: by its name there, and not through a link.
func ReadFile(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, filepath.Base(name))
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, ErrLink)
	}
	return os.ReadFile(path)
}

// Inline is the folder of a Dockerfile that is only a text.
func Inline(text, name string) ([]byte, error) {
	if name != "Dockerfile" {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return []byte(text), nil
}

// files are those that the frontend reads by itself: Dockerfiles and ignore files.
type files struct {
	gateway.Reference
	read func(name string) ([]byte, error)
	// odd is told of a file that is there and can't be read as BuildKit would.
	odd func(error)
}

func (f *files) file(name string) ([]byte, error) {
	text, err := f.read(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.odd(err)
	}
	return text, err
}

func (f *files) ReadFile(_ context.Context, req gateway.ReadRequest) ([]byte, error) {
	text, err := f.file(req.Filename)
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
	text, err := f.file(req.Path)
	if err != nil {
		return nil, err
	}
	return &fstypes.Stat{Path: req.Path, Mode: 0o644, Size: int64(len(text)), ModTime: time.Time{}.UnixNano()}, nil
}

// LocalScheme begins the identifiers of sources that are local folders.
const LocalScheme = "local://"

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
		case source == nil || !strings.HasPrefix(source.Identifier, LocalScheme):
			return "", nil
		default:
			sources++
			name = strings.TrimPrefix(source.Identifier, LocalScheme)
		}
	}
	if sources != 1 {
		return "", nil
	}
	return name, nil
}
