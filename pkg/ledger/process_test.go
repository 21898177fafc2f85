package ledger

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// The test binary is its own writer: LEDGER_TEST_WRITER has directory, name, number of builds, steps of each and maxSize.
func TestMain(m *testing.M) {
	if writer := os.Getenv("LEDGER_TEST_WRITER"); writer != "" {
		if err := write(strings.Split(writer, "|")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func write(args []string) error {
	var numbers []int
	for _, a := range args[2:] {
		n, err := strconv.Atoi(a)
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	l := New(args[0])
	l.maxSize = int64(numbers[2])
	for i := range numbers[0] {
		id := fmt.Sprintf("%s/%d", args[1], i)
		all := results(numbers[1], id)
		one(all, i%3, id)
		if err := l.Append(build(id, "b"), all); err != nil {
			return err
		}
		fmt.Println(id)
	}
	return nil
}

// one gives the first of all steps a definition of its own, and files.
func one(all []Result, files int, id string) {
	r := taking(20, fmt.Sprint(files))[0]
	all[0].Unsure, all[0].Step.Files, all[0].Step.Takes, all[0].Step.Text = false, r.Step.Files, r.Step.Takes, id
}

func writer(l *Ledger, name string, builds, steps int) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("LEDGER_TEST_WRITER=%s|%s|%d|%d|%d", l.dir, name, builds, steps, l.maxSize))
	cmd.Stderr = os.Stderr
	return cmd
}

// whole checks that each build has all it was written with.
func whole(t testing.TB, l *Ledger, h *History, steps int) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	for _, b := range h.Builds {
		assert.Assert(t, !seen[b.ID], "%s is there twice", b.ID)
		seen[b.ID] = true
		want := results(steps, b.ID)
		_, i, _ := strings.Cut(b.ID, "/")
		n, err := strconv.Atoi(i)
		assert.NilError(t, err)
		one(want, n%3, b.ID)
		equal(t, b, build(b.ID, "b"), want)
	}
	if len(h.Builds) > 0 {
		files, err := l.Files(h.Builds[len(h.Builds)-1].Results[0])
		assert.NilError(t, err)
		assert.Equal(t, len(files), 20)
	}
	return seen
}

func TestManyWriters(t *testing.T) {
	l := New(t.TempDir())
	const writers, builds, steps = 16, 10, 4
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			out, err := writer(l, fmt.Sprint(i), builds, steps).Output()
			assert.Check(t, err)
			assert.Check(t, strings.Count(string(out), "\n") == builds)
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	defer group.Wait()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		case <-time.After(5 * time.Millisecond):
		}
		h := read(t, l)
		assert.Assert(t, h.Skipped <= 1) // the one that is being written
		whole(t, l, h, steps)
	}
	h := read(t, l)
	assert.Equal(t, h.Skipped, 0)
	assert.Equal(t, len(h.Builds), writers*builds)
}

// Writers are killed at any point: what they said they wrote is there.
func TestKilledWriters(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	anytime := func(*Ledger) { time.Sleep(time.Duration(random.IntN(8000)) * time.Microsecond) }
	for _, test := range []struct {
		name         string
		kills, steps int
		maxSize      int64
		when         func(*Ledger)
	}{
		{"anytime", 120, 40, maxSize, anytime},
		{"while writing", 40, 400, maxSize * 10, grown},
		{"compacting", 40, 10, 40_000, anytime},
	} {
		t.Run(test.name, func(t *testing.T) {
			partial, builds := 0, 0
			for range test.kills / 10 {
				l := New(t.TempDir())
				l.maxSize = test.maxSize
				var acknowledged []string
				for i := range 10 {
					acknowledged = append(acknowledged, killed(t, l, writer(l, fmt.Sprint(i), 1000, test.steps), random.IntN(2), test.when)...)
					h := read(t, l)
					assert.Assert(t, h.Skipped <= 1)
					partial += h.Skipped
				}
				builds += len(acknowledged)
				if test.name == "compacting" && len(acknowledged) > 0 {
					acknowledged = acknowledged[len(acknowledged)-1:] // older ones may have gone
				}
				seen := whole(t, l, read(t, l), test.steps)
				for _, id := range acknowledged {
					assert.Assert(t, seen[id], "%s was acknowledged, and is lost", id)
				}
			}
			t.Logf("%d kills left a part of a line, %d builds were acknowledged", partial, builds)
		})
	}
}

// grown returns when the file begins to grow.
func grown(l *Ledger) {
	size := func() int64 {
		info, err := os.Stat(l.path())
		if err != nil {
			return 0
		}
		return info.Size()
	}
	for start, until := size(), time.Now().Add(time.Second); size() <= start && time.Now().Before(until); {
		continue
	}
}

// killed runs a writer until some builds are acknowledged and when returns. It returns what was acknowledged.
func killed(t testing.TB, l *Ledger, cmd *exec.Cmd, builds int, when func(*Ledger)) []string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	var acknowledged []string
	lines := bufio.NewScanner(out)
	for len(acknowledged) < builds && lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
	}
	when(l)
	assert.NilError(t, cmd.Process.Kill())
	for lines.Scan() {
		acknowledged = append(acknowledged, lines.Text())
	}
	_ = cmd.Wait() // it was killed
	return acknowledged
}
