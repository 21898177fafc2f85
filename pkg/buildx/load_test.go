package buildx

import (
	"context"
	"errors"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/image"
	engine "github.com/moby/moby/client"
	"gotest.tools/v3/assert"
)

// shelf is an engine with images by name; every image can be asked for by its ID, too.
type shelf struct {
	names  map[string]string
	broken bool
	tagErr error
}

func (s *shelf) ImageInspect(_ context.Context, name string, _ ...engine.ImageInspectOption) (engine.ImageInspectResult, error) {
	if s.broken {
		return engine.ImageInspectResult{}, errors.New("the daemon is restarting")
	}
	id, ok := s.names[name]
	for _, known := range s.names {
		if known == name {
			id, ok = name, true
		}
	}
	if !ok {
		return engine.ImageInspectResult{}, errdefs.ErrNotFound
	}
	return engine.ImageInspectResult{InspectResponse: image.InspectResponse{ID: id}}, nil
}

func (s *shelf) ImageTag(_ context.Context, o engine.ImageTagOptions) (engine.ImageTagResult, error) {
	if s.tagErr == nil {
		s.names[o.Target] = o.Source
	}
	return engine.ImageTagResult{}, s.tagErr
}

func TestLoaderHas(t *testing.T) {
	const id, other = "sha256:new", "sha256:old"
	for name, tc := range map[string]struct {
		shelf shelf
		id    string
		want  bool
	}{
		"all there":         {shelf{names: map[string]string{"web": id, "web:prod": id}}, id, true},
		"another name":      {shelf{names: map[string]string{"x": id, "web:prod": other}}, id, true},
		"taken by somebody": {shelf{names: map[string]string{"web": other, "web:prod": id}}, id, true},
		"only older ones":   {shelf{names: map[string]string{"web": other, "web:prod": other}}, id, false},
		"nothing":           {shelf{names: map[string]string{}}, id, false},
		"no answer":         {shelf{names: map[string]string{"web": id}, broken: true}, id, false},
		"tag refused":       {shelf{names: map[string]string{"x": id}, tagErr: errors.New("no")}, id, false},
		"no digest":         {shelf{names: map[string]string{"web": ""}}, "", false},
	} {
		l := &loader{api: &tc.shelf}
		assert.Equal(t, l.has(context.Background(), tc.id, []string{"web", "web:prod"}), tc.want, name)
		if tc.want {
			assert.Equal(t, tc.shelf.names["web"], tc.id, name)
			assert.Equal(t, tc.shelf.names["web:prod"], tc.id, name)
		}
	}
	assert.Assert(t, !(&loader{api: &shelf{names: map[string]string{"x": id}}}).has(context.Background(), id, nil))
}

func TestLoaderKnowsImagesAsTheEngineDoes(t *testing.T) {
	response := map[string]string{"containerimage.digest": "sha256:manifest", "containerimage.config.digest": "sha256:config"}
	assert.Equal(t, (&loader{}).id(response), "sha256:config")
	assert.Equal(t, (&loader{byManifest: true}).id(response), "sha256:manifest")
}
