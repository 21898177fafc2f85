package frontend

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

func TestAssumed(t *testing.T) {
	memory := NewMemory(filepath.Join(t.TempDir(), "images.json"))
	memory.put("known", remembered{Ref: "known", Config: json.RawMessage(`{"os":"linux"}`)})
	a := NewAssumed(memory)
	arm := sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &ocispecs.Platform{OS: "linux", Architecture: "arm64"}}}
	ask := func(ref string, o sourceresolver.Opt) (digest.Digest, string) {
		_, dgst, config, err := a.ResolveImageConfig(context.Background(), ref, o)
		assert.NilError(t, err)
		return dgst, string(config)
	}
	dgst, config := ask("known", sourceresolver.Opt{})
	assert.Equal(t, config, `{"os":"linux"}`)
	assert.NilError(t, dgst.Validate())
	assert.DeepEqual(t, a.Unknown(), []string{})

	first, config := ask("z", arm)
	second, same := ask("z", arm)
	assert.Equal(t, first, second)
	assert.Equal(t, config, same)
	var image ocispecs.Image
	assert.NilError(t, json.Unmarshal([]byte(config), &image))
	assert.Equal(t, image.Architecture, "arm64")
	assert.Equal(t, len(image.RootFS.DiffIDs), 1)
	other, _ := ask("a", arm)
	assert.Assert(t, first != other)

	pinned := "b@" + digest.FromString("x").String()
	dgst, _ = ask(pinned, arm)
	assert.Equal(t, dgst, digest.FromString("x"))
	assert.DeepEqual(t, a.Unknown(), []string{"a", pinned, "z"})
}
