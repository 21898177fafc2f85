package porter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// TestVersion has a helper of another version.
func TestVersion(t *testing.T) {
	var in, out bytes.Buffer
	l := newLine(&in, nil)
	assert.NilError(t, errors.Join(l.sayJSON(frameOrder, order{Version: 99}), l.flush()))
	assert.ErrorContains(t, Help(t.Context(), &in, &out), "another version")
	_, _, err := newLine(nil, &out).hear()
	assert.ErrorContains(t, err, "another version")
}

// FuzzHelp says anything to a helper.
func FuzzHelp(f *testing.F) {
	dir := f.TempDir()
	for _, do := range []string{doPack, doUnpack} {
		var b bytes.Buffer
		l := newLine(&b, nil)
		assert.NilError(f, errors.Join(l.sayJSON(frameOrder, order{Version: version, Do: do, Dir: dir}), l.say(frameGo, nil), l.flush()))
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.Contains(in, []byte("/")) && !bytes.Contains(in, []byte(dir)) {
			return // no other folder
		}
		_ = Help(t.Context(), bytes.NewReader(in), io.Discard)
		left, err := os.ReadDir(dir)
		assert.NilError(t, err)
		assert.Assert(t, is.Len(left, 0))
	})
}
