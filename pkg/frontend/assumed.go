package frontend

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Assumed are images as others know them, with a stand-in for each that they don't know: it is always the same for a name
// and a platform. Graphs made with it can be compared with one another, and with nothing else.
type Assumed struct {
	Images
	mu      sync.Mutex
	unknown []string
}

// NewAssumed stands in for what images doesn't know.
func NewAssumed(images Images) *Assumed { return &Assumed{Images: images} }

// Unknown are the images that there are stand-ins for, sorted.
func (a *Assumed) Unknown() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string{}, a.unknown...)
}

// ResolveImageConfig answers for every image.
func (a *Assumed) ResolveImageConfig(ctx context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	resolved, dgst, config, err := a.Images.ResolveImageConfig(ctx, ref, o)
	if err == nil {
		if dgst == "" { // from a builder that gives none
			dgst = digest.FromBytes(config)
		}
		return resolved, dgst, config, nil
	}
	a.note(ref)
	p := platforms.DefaultSpec()
	if o.ImageOpt != nil && o.ImageOpt.Platform != nil {
		p = *o.ImageOpt.Platform
	}
	p = platforms.Normalize(p)
	config, err = standIn(ref, p)
	_, pinned, ok := strings.Cut(ref, "@")
	if dgst = digest.Digest(pinned); !ok || dgst.Validate() != nil {
		dgst = digest.FromString(ref)
	}
	return ref, dgst, config, err
}

func (a *Assumed) note(ref string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i, known := slices.BinarySearch(a.unknown, ref); !known {
		a.unknown = slices.Insert(a.unknown, i, ref)
	}
}

// standIn is a configuration like that of most images. Without a layer it would be taken for that of an empty one.
func standIn(ref string, p ocispecs.Platform) ([]byte, error) {
	return json.Marshal(ocispecs.Image{
		Platform: p,
		Config:   ocispecs.ImageConfig{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
		RootFS:   ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}},
	})
}
