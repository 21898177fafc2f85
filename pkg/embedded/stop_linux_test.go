package embedded

import (
	"errors"
	"os"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestStop(t *testing.T) {
	for _, as := range []string{"fake", "deaf"} {
		t.Run(as, func(t *testing.T) {
			o := testOptions(t)
			defer end(t, o)
			_, err := ensureFake(t.Context(), t, o, as)
			assert.NilError(t, err)
			assert.NilError(t, stop(t.Context(), o, 50*time.Millisecond))
			assert.Assert(t, !Answers(t.Context(), o))
			lock, err := tryLock(daemonLock(o.Root))
			assert.NilError(t, err)
			assert.Assert(t, lock != nil)
			lock.Close()
			assert.NilError(t, stop(t.Context(), o, 0), "none runs")
		})
	}
}

func TestStopWithoutSocket(t *testing.T) {
	o := testOptions(t)
	assert.NilError(t, Stop(t.Context(), o), "it never ran")
	assert.NilError(t, makeDirs(o))
	lock, err := own(o) // an owner that nobody can name
	assert.NilError(t, err)
	defer lock.Close()
	err = stop(t.Context(), o, 50*time.Millisecond-killTime)
	assert.ErrorContains(t, err, "in use by the BuildKit of "+o.Socket)
}

func TestRemove(t *testing.T) {
	o := testOptions(t)
	_, err := ensureFake(t.Context(), t, o, "fake")
	assert.NilError(t, err)
	assert.NilError(t, Remove(t.Context(), o))
	for _, path := range []string{o.Root, o.Socket} {
		_, err := os.Lstat(path)
		assert.Assert(t, errors.Is(err, os.ErrNotExist), "%s: %v", path, err)
	}
	assert.NilError(t, Remove(t.Context(), o), "nothing is left to remove")
}

func TestCPUSeconds(t *testing.T) {
	stat := "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 20 3000 400 20 0"
	seconds, err := cpuSeconds(stat)
	assert.NilError(t, err)
	assert.Equal(t, seconds, 35.2)
	_, err = cpuSeconds("")
	assert.ErrorContains(t, err, "no stat file")
}
