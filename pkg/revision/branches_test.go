package revision

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// A clone of one branch knows no other, and one that is long ago those of then: its remotes say which there are.
func TestBranchesAreThoseOfRemotes(t *testing.T) {
	alone(t)
	origin := newCheckout(t)
	origin.write("a", "a")
	origin.commit()
	origin.git("branch", "feature/Gone")
	origin.git("branch", "feature/new")
	origin.git("update-ref", "refs/pull/12/merge", "HEAD")
	origin.git("update-ref", "refs/pull/12/head", "HEAD")

	clone := newCheckout(t)
	clone.git("clone", "-q", "--no-local", "--single-branch", "--branch", "feature/new", origin.dir, "one")
	clone.dir = filepath.Join(clone.dir, "one")
	clone.git("branch", "mine")
	clone.git("tag", "-a", "-m", "x", "v1")

	names, err := Branches(t.Context(), clone.dir)
	assert.NilError(t, err)
	all := []string{
		"refs/heads/feature/Gone", "refs/heads/feature/new", "refs/heads/main", "refs/heads/mine",
		"refs/pull/12/merge", "refs/tags/v1",
	}
	assert.DeepEqual(t, names, all)

	origin.git("branch", "-D", "feature/Gone")
	names, err = Branches(t.Context(), clone.dir)
	assert.NilError(t, err)
	assert.DeepEqual(t, names, all[1:])

	names, err = Branches(t.Context(), origin.dir)
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"refs/heads/feature/new", "refs/heads/main"})
}

// What a remote has is not known if it doesn't say, and is not waited for for ever.
func TestBranchesOfRemotesThatFail(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("a", "a")
	c.commit()
	c.git("remote", "add", "nowhere", filepath.Join(t.TempDir(), "none"))
	_, err := Branches(t.Context(), c.dir)
	assert.ErrorContains(t, err, "remote nowhere: git ls-remote: ")

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, silent.Close()) })
	c.git("remote", "set-url", "nowhere", "git://"+silent.Addr().String()+"/a.git")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("no answer"))
	defer cancel()
	_, err = Branches(ctx, c.dir)
	assert.Error(t, err, "remote nowhere: no answer")

	branch, err := Branch(t.Context(), c.dir)
	assert.NilError(t, err)
	assert.Equal(t, branch, "main")
	c.git("checkout", "-q", "--detach")
	branch, err = Branch(t.Context(), c.dir)
	assert.NilError(t, err)
	assert.Equal(t, branch, "")

	_, err = Branches(t.Context(), realPath(t, os.TempDir()))
	assert.ErrorContains(t, err, "is not in a git repository")
	assert.Assert(t, !strings.Contains(err.Error(), "remote"))
}
