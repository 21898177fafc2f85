package embedded

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestEnsureStartsOneForMany(t *testing.T) {
	o := testOptions(t)
	defer end(t, o)
	const callers = 8
	var wg sync.WaitGroup
	started, errs := make([]bool, callers), make([]error, callers)
	for i := range callers {
		wg.Go(func() { started[i], errs[i] = ensureFake(t.Context(), t, o, "fake") })
	}
	wg.Wait()
	assert.NilError(t, errors.Join(errs...))
	n := 0
	for _, s := range started {
		if s {
			n++
		}
	}
	assert.Equal(t, n, 1)
	assert.Equal(t, len(fakePIDs(o)), 1)
}

func TestEnsureAfterKill(t *testing.T) {
	o := testOptions(t)
	defer end(t, o)
	_, err := ensureFake(t.Context(), t, o, "fake")
	assert.NilError(t, err)
	end(t, o)
	_, err = os.Lstat(o.Socket)
	assert.NilError(t, err, "the socket of a killed daemon stays")
	started, err := ensureFake(t.Context(), t, o, "fake")
	assert.NilError(t, err)
	assert.Assert(t, started)
}

func TestEnsureAfterIdle(t *testing.T) {
	o := testOptions(t)
	o.Idle = time.Millisecond
	defer end(t, o)
	for range 3 {
		// Whether the call meets the daemon alive, closing or gone, it answers or is started anew.
		_, err := ensureFake(t.Context(), t, o, "fake")
		assert.NilError(t, err)
	}
	waitFree(t, o)
	_, err := os.Lstat(o.Socket)
	assert.Assert(t, errors.Is(err, os.ErrNotExist), "%v", err)
}

func TestEnsureWaitsForAClosingDaemon(t *testing.T) {
	o := testOptions(t)
	defer end(t, o)
	assert.NilError(t, makeDirs(o))
	closing, err := own(o)
	assert.NilError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := ensureFake(t.Context(), t, o, "fake")
		done <- err
	}()
	waitHeld(t, startLock(o.Root))
	assert.Equal(t, len(fakePIDs(o)), 0)
	closing.Close()
	assert.NilError(t, <-done)
}

// waitHeld returns when somebody has a lock.
func waitHeld(t *testing.T, path string) {
	t.Helper()
	for {
		f, err := tryLock(path)
		assert.NilError(t, err)
		if f == nil {
			return
		}
		f.Close()
		assert.Assert(t, pause(t.Context()))
	}
}

func TestEnsureOfAStateInUse(t *testing.T) {
	o := testOptions(t)
	assert.NilError(t, makeDirs(o))
	other, err := own(Options{Root: o.Root, Socket: "/elsewhere.sock"})
	assert.NilError(t, err)
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = ensureFake(ctx, t, o, "fake")
	assert.ErrorContains(t, err, "in use by the BuildKit of /elsewhere.sock")
	_, err = own(o)
	assert.ErrorContains(t, err, "in use by the BuildKit of /elsewhere.sock")
}

func TestEnsureOfADaemonThatDies(t *testing.T) {
	o := testOptions(t)
	assert.NilError(t, makeDirs(o))
	assert.NilError(t, os.WriteFile(o.Log(), []byte("of an earlier one\n"), 0o600))
	_, err := ensureFake(t.Context(), t, o, "dead")
	assert.Error(t, err, "start BuildKit: the daemon ended: exit status 1\n  first\n  no runc today\n  dead\nhint: see "+o.Log())
}

func TestEnsureInterrupted(t *testing.T) {
	o := testOptions(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ensureFake(ctx, t, o, "fake")
	assert.Assert(t, errors.Is(err, context.Canceled), "%v", err)
	waitFree(t, o)
}

func TestListen(t *testing.T) {
	o := testOptions(t)
	defer end(t, o)
	_, err := ensureFake(t.Context(), t, o, "fake")
	assert.NilError(t, err)
	_, err = listen(t.Context(), o.Socket)
	assert.ErrorContains(t, err, "another daemon serves it")
	end(t, o)
	l, err := listen(t.Context(), o.Socket)
	assert.NilError(t, err)
	defer l.Close()
	fi, err := os.Lstat(o.Socket)
	assert.NilError(t, err)
	assert.Equal(t, fi.Mode().Perm(), os.FileMode(0o600))
}

func TestAnswersNotASilentSocket(t *testing.T) {
	o := testOptions(t)
	assert.NilError(t, makeDirs(o))
	l, err := net.Listen("unix", o.Socket)
	assert.NilError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.Assert(t, !answers(ctx, o.Socket))
}

func TestOpenLogTruncates(t *testing.T) {
	path := t.TempDir() + "/log"
	for _, size := range []int{maxLog, maxLog + 1} {
		assert.NilError(t, os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o600))
		f, err := openLog(path)
		assert.NilError(t, err)
		fi, err := f.Stat()
		assert.NilError(t, err)
		assert.Check(t, is.Equal(fi.Size() == 0, size > maxLog), "%d", size)
		f.Close()
	}
}

func TestLastLines(t *testing.T) {
	path := t.TempDir() + "/log"
	assert.NilError(t, os.WriteFile(path, []byte("old\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"), 0o600))
	assert.Equal(t, lastLines(path, 4), "\n  2\n  3\n  4\n  5\n  6\n  7\n  8\n  9")
	assert.Equal(t, lastLines(path, 22), "")
}
