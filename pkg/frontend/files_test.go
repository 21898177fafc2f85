package frontend

import (
	"context"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"gotest.tools/v3/assert"
)

func TestOnlyLocal(t *testing.T) {
	def, err := llb.Local("context", llb.FollowPaths([]string{".dockerignore"})).Marshal(context.Background())
	assert.NilError(t, err)
	name, err := onlyLocal(def.ToPB())
	assert.NilError(t, err)
	assert.Equal(t, name, "context")
	def, err = llb.Scratch().File(llb.Copy(llb.Local("context"), "/", "/")).Marshal(context.Background())
	assert.NilError(t, err)
	name, err = onlyLocal(def.ToPB())
	assert.NilError(t, err)
	assert.Equal(t, name, "")
}
