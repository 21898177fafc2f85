package session

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// The test binary is its own writer: SESSION_TEST_WRITER has the folder of the project, a name, and how many sessions.
func TestMain(m *testing.M) {
	if writer := os.Getenv("SESSION_TEST_WRITER"); writer != "" {
		args := strings.Split(writer, "|")
		n, err := strconv.Atoi(args[2])
		if err == nil {
			err = appendMany(NewStore(args[0]), args[1], n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// appendMany appends sessions of 20 kB and more.
func appendMany(st *Store, name string, n int) error {
	for i := range n {
		s := nightly(i, 20)
		s.ID = fmt.Sprintf("%s-%d", name, i)
		s.Warnings = []Warning{{Code: s.ID, Text: strings.Repeat(name+" ", 20_000/(len(name)+1))}}
		if err := st.Append(s); err != nil {
			return err
		}
	}
	return nil
}

// whole checks that every session is as it was written.
func whole(t testing.TB, h *History) {
	t.Helper()
	for _, s := range h.Sessions {
		name, _, _ := strings.Cut(s.ID, "-")
		assert.Equal(t, s.Warnings[0].Code, s.ID)
		assert.Equal(t, s.Warnings[0].Text, strings.Repeat(name+" ", 20_000/(len(name)+1)))
	}
}

// Processes and goroutines append at once, into a folder that none of them finds, and somebody reads all the while.
func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	st := NewStore(dir)
	const processes, goroutines, sessions = 6, 6, 12
	var group sync.WaitGroup
	for i := range processes {
		group.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), fmt.Sprintf("SESSION_TEST_WRITER=%s|p%d|%d", dir, i, sessions))
			out, err := cmd.CombinedOutput()
			assert.Check(t, err, string(out))
		})
	}
	for i := range goroutines {
		group.Go(func() { assert.Check(t, appendMany(NewStore(dir), fmt.Sprintf("g%d", i), sessions)) })
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	defer group.Wait()
	last := 0
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		h := read(t, st)
		for _, w := range h.Warnings {
			assert.Equal(t, w.Code, "torn-line") // of the one that is being written
		}
		assert.Assert(t, len(h.Sessions) >= last)
		last = len(h.Sessions)
		whole(t, h)
	}
	h := read(t, st)
	assert.Equal(t, len(h.Warnings), 0)
	assert.Equal(t, len(h.Sessions), (processes+goroutines)*sessions)
	assert.Equal(t, text(t, filepath.Join(st.dir, ".gitattributes")), "*.jsonl merge=union\n")
}

// A writer that holds the lock stops others, and no reader.
func TestLockIsHeld(t *testing.T) {
	st := NewStore(t.TempDir())
	assert.NilError(t, st.Append(full()))
	unlock, err := st.lock(patience)
	assert.NilError(t, err)
	_, err = st.lock(5 * time.Millisecond)
	assert.ErrorContains(t, err, "history.lock: another process has held it for 5ms")
	assert.Equal(t, len(read(t, st).Sessions), 1)
	unlock()
	assert.NilError(t, st.Append(nightly(1, 20)))
	assert.Equal(t, len(read(t, st).Sessions), 2)
}
