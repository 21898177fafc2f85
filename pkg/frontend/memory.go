package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// Memory remembers images that were looked up, for when nobody can be asked.
type Memory struct {
	path    string
	mu      sync.Mutex
	images  map[string]remembered
	changed bool
}

// remembered is what was said of an image.
type remembered struct {
	Ref    string          `json:"ref"`
	Digest digest.Digest   `json:"digest,omitempty"`
	Config json.RawMessage `json:"config"`
	// Seen is when it was said last.
	Seen time.Time `json:"seen"`
}

// kept is how long an image is remembered that nobody asks for any more.
const kept = 90 * 24 * time.Hour

// NewMemory reads what the file at path remembers; what can't be read is forgotten.
func NewMemory(path string) *Memory {
	m := &Memory{path: path, images: map[string]remembered{}}
	if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &m.images) != nil {
		m.images = map[string]remembered{}
	}
	return m
}

// Watching returns images that are looked up by asked, and remembered.
func (m *Memory) Watching(asked Images) Images { return &watching{asked, m} }

type watching struct {
	Images
	memory *Memory
}

func (w *watching) ResolveImageConfig(ctx context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	resolved, dgst, config, err := w.Images.ResolveImageConfig(ctx, ref, o)
	if err == nil {
		w.memory.put(key(ref, o), remembered{resolved, dgst, config, time.Now().UTC().Truncate(time.Second)})
	}
	return resolved, dgst, config, err
}

// key is of the image and of the platform that is asked for.
func key(ref string, o sourceresolver.Opt) string {
	if o.ImageOpt == nil || o.ImageOpt.Platform == nil {
		return ref
	}
	return ref + " " + platforms.FormatAll(*o.ImageOpt.Platform)
}

func (m *Memory) put(key string, r remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.images[key]
	if old.Ref == r.Ref && old.Digest == r.Digest && string(old.Config) == string(r.Config) && r.Seen.Sub(old.Seen) < kept/10 {
		return
	}
	m.images[key], m.changed = r, true
}

// ErrForgotten is the error of an image that was never looked up.
var ErrForgotten = errors.New("not known without a builder")

// ResolveImageConfig answers with what was said last.
func (m *Memory) ResolveImageConfig(_ context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, known := m.images[key(ref, o)]
	if !known {
		return "", "", nil, fmt.Errorf("image %s: %w", ref, ErrForgotten)
	}
	return r.Ref, r.Digest, r.Config, nil
}

// ResolveSourceMetadata is only asked for what is no image.
func (m *Memory) ResolveSourceMetadata(_ context.Context, op *pb.SourceOp, _ sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return nil, fmt.Errorf("%s: %w", op.Identifier, ErrForgotten)
}

// Close writes down what is new, in one piece.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.changed {
		return nil
	}
	for k, r := range m.images {
		if time.Since(r.Seen) > kept {
			delete(m.images, k)
		}
	}
	text, err := json.Marshal(m.images)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(m.path), 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(m.path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(text)
	if err := errors.Join(err, part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), m.path)
}
