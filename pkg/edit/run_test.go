//go:build unix

package edit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// garden is a tree with something of everything.
func garden(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, map[string]string{"a.txt": "a\n", "b.txt": "b\n", "sub/c.txt": "c\n", "sub/d/e.txt": "e\n", "tool": "!"})
	assert.NilError(t, os.Symlink("a.txt", filepath.Join(root, "link")))
	assert.NilError(t, os.Link(filepath.Join(root, "b.txt"), filepath.Join(root, "also")))
	old := time.Unix(1e9, 5)
	for _, name := range []string{"a.txt", "b.txt", "sub/d", "sub", "."} {
		assert.NilError(t, os.Chtimes(filepath.Join(root, name), old, old))
	}
	return root
}

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		command string
		want    []string
	}{
		{`echo $CATMANDU_BENCH_RUN >>a.txt`, []string{"a.txt"}},
		{`echo x >new`, []string{"new"}},
		{`mkdir -p n/m && echo x >n/m/o`, []string{"n", "n/m", "n/m/o"}},
		{`rm -r sub`, []string{"sub", "sub/c.txt", "sub/d", "sub/d/e.txt"}},
		{`rm -r sub && echo x >sub`, []string{"sub", "sub/c.txt", "sub/d", "sub/d/e.txt"}},
		{`rm a.txt && mkdir a.txt`, []string{"a.txt"}},
		{`chmod 600 tool`, []string{"tool"}},
		{`chmod 700 sub/d`, []string{"sub/d"}},
		{`ln -sf b.txt link`, []string{"link"}},
		{`touch a.txt`, []string{"a.txt"}},
		{`printf x | dd of=a.txt conv=notrunc bs=1 2>/dev/null; touch -d @1000000000.000000005 a.txt`, []string{"a.txt"}},
		{`echo x >>also`, []string{"also", "b.txt"}},
		{`mv b.txt z`, []string{"also", "b.txt", "z"}},
	} {
		t.Run(tc.command, func(t *testing.T) {
			root, store := garden(t), t.TempDir()
			before := state(t, root)
			e, err := Run(t.Context(), root, store, tc.command, nonce)
			assert.NilError(t, err)
			assert.DeepEqual(t, e.Paths, tc.want)
			assert.NilError(t, e.Revert())
			assert.DeepEqual(t, state(t, root), before)
			a, err := os.Stat(filepath.Join(root, "b.txt"))
			assert.NilError(t, err)
			b, err := os.Stat(filepath.Join(root, "also"))
			assert.NilError(t, err)
			assert.Assert(t, os.SameFile(a, b))
			kept, err := os.ReadDir(store)
			assert.NilError(t, err)
			assert.Equal(t, len(kept), 0)
		})
	}
}

func TestRunErrors(t *testing.T) {
	root, store := garden(t), t.TempDir()
	before := state(t, root)
	for command, want := range map[string]string{
		"true":                                   "true: changed no file of the build context",
		"echo x >>a.txt; echo sorry >&2; exit 3": "exit status 3\nsorry",
	} {
		_, err := Run(t.Context(), root, store, command, nonce)
		assert.Assert(t, is.ErrorContains(err, want))
		assert.DeepEqual(t, state(t, root), before)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, root, store, "echo x >>a.txt", nonce)
	assert.Assert(t, errors.Is(err, context.Canceled))
	assert.DeepEqual(t, state(t, root), before)
	kept, err := os.ReadDir(store)
	assert.NilError(t, err)
	assert.Equal(t, len(kept), 0)
}
