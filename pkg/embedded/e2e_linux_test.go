//go:build e2e

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	"github.com/tonistiigi/fsutil"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// These tests need root, runc and what make packages unpacks.

// realOptions are those of a daemon in a folder of its own that ends with the test.
func realOptions(t *testing.T) Options {
	t.Helper()
	assert.Equal(t, os.Geteuid(), 0, "these tests need root")
	o := testOptions(t)
	o.Idle = time.Minute
	t.Cleanup(func() { killDaemons(t, o) })
	return o
}

func ensureReal(t *testing.T, o Options) bool {
	t.Helper()
	exe, err := os.Executable()
	assert.NilError(t, err)
	t.Setenv(asEnv, "serve")
	started, err := Ensure(t.Context(), o, []string{exe})
	assert.NilError(t, err)
	return started
}

// daemons lists the processes that serve the state folder, which is one. runc and rootlesskit have the same
// environment, but are other programs.
func daemons(o Options) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		exe, _ := os.Readlink(filepath.Join(filepath.Dir(file), "exe"))
		if filepath.Base(exe) == filepath.Base(os.Args[0]) && strings.Contains(readString(file), EnvRoot+"="+o.Root+"\x00") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

func killDaemons(t *testing.T, o Options) {
	t.Helper()
	for _, pid := range daemons(o) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if _, err := os.Stat(o.Root); errors.Is(err, os.ErrNotExist) { // the test has removed it
		return
	}
	waitFree(t, o)
}

// build builds a Dockerfile with busybox in its context and returns the OCI archive.
func build(ctx context.Context, t *testing.T, o Options, dockerfile string) ([]byte, error) {
	t.Helper()
	return solve(ctx, o, buildContext(t, dockerfile))
}

// buildContext is a folder with a Dockerfile and a static busybox.
func buildContext(t *testing.T, dockerfile string) string {
	t.Helper()
	dir := t.TempDir()
	busybox, err := os.ReadFile("../../bin/debian/bin/busybox")
	assert.NilError(t, err, "make packages unpacks it")
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "busybox"), busybox, 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
	return dir
}

func solve(ctx context.Context, o Options, dir string) ([]byte, error) {
	fs, err := fsutil.NewFS(dir)
	if err != nil {
		return nil, err
	}
	c, err := client.New(ctx, o.Address())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var out bytes.Buffer
	_, err = c.Solve(ctx, nil, client.SolveOpt{
		Frontend:    "dockerfile.v0",
		LocalMounts: map[string]fsutil.FS{"context": fs, "dockerfile": fs},
		Exports: []client.ExportEntry{{
			Type:   client.ExporterOCI,
			Output: func(map[string]string) (io.WriteCloser, error) { return nopCloser{&out}, nil },
		}},
	}, nil)
	return out.Bytes(), err
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

const fromScratch = "FROM scratch\nCOPY busybox /bin/busybox\n"

func TestBuild(t *testing.T) {
	o := realOptions(t)
	assert.Assert(t, ensureReal(t, o))
	assert.Assert(t, !ensureReal(t, o))
	buildAndCheck(t, o)
}

// buildAndCheck runs a step, reads what it made in another, and looks for the build in the history.
func buildAndCheck(t *testing.T, o Options) {
	t.Helper()
	image, err := build(t.Context(), t, o, fromScratch+`
RUN ["/bin/busybox", "sh", "-c", "busybox id -u > /id; busybox chown 4321:99 /id"]
RUN --network=none ["/bin/busybox", "grep", "0", "/id"]
`)
	assert.NilError(t, err, "%s", readString(o.Log()))
	assert.Assert(t, is.Contains(string(image), `oci-layout`))
	c, err := client.New(t.Context(), o.Address())
	assert.NilError(t, err)
	defer c.Close()
	s, err := c.ControlClient().ListenBuildHistory(t.Context(), &controlapi.BuildHistoryRequest{EarlyExit: true})
	assert.NilError(t, err)
	event, err := s.Recv()
	assert.NilError(t, err)
	assert.Equal(t, event.Record.Frontend, "dockerfile.v0")
	_, err = build(t.Context(), t, o, fromScratch+`RUN ["/bin/busybox", "false"]`)
	assert.ErrorContains(t, err, "exit code: 1")
}

func TestEntitlements(t *testing.T) {
	o := realOptions(t)
	ensureReal(t, o)
	_, err := build(t.Context(), t, o, "# syntax-is-built-in\n"+fromScratch+`RUN --security=insecure ["/bin/busybox", "true"]`)
	assert.ErrorContains(t, err, "security.insecure is not allowed")
}

func TestIdleStop(t *testing.T) {
	o := realOptions(t)
	o.Idle = 300 * time.Millisecond
	ensureReal(t, o)
	// The step is longer than the idle time.
	_, err := build(t.Context(), t, o, fromScratch+`RUN ["/bin/busybox", "sleep", "1"]`)
	assert.NilError(t, err, "%s", readString(o.Log()))
	waitFree(t, o)
	_, err = os.Lstat(o.Socket)
	assert.Assert(t, errors.Is(err, os.ErrNotExist), "%v", err)
	assert.Assert(t, is.Contains(readString(o.Log()), "idle for 300ms"))
	assert.Assert(t, ensureReal(t, o))
	buildAndCheck(t, o)
}

func TestManyProcessesStartOne(t *testing.T) {
	o := realOptions(t)
	const callers = 5
	outs := make([]bytes.Buffer, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(daemonEnv(o, os.Environ()), asEnv+"=ensure")
			cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
			assert.Check(t, cmd.Run(), "%s", &outs[i])
		})
	}
	wg.Wait()
	all := ""
	for i := range outs {
		all += outs[i].String()
	}
	assert.Equal(t, strings.Count(all, "true\n"), 1, all)
	assert.Equal(t, strings.Count(all, "false\n"), callers-1, all)
	assert.Equal(t, strings.Count(readString(o.Log()), "serving"), 1)
}

func TestKilledLeavesNothing(t *testing.T) {
	o := realOptions(t)
	ensureReal(t, o)
	killDuringStep(t, o, fromScratch)
	assert.Assert(t, ensureReal(t, o))
	assert.Assert(t, is.Contains(readString(o.Log()), "left over from a killed daemon"))
	buildAndCheck(t, o)
}

// killDuringStep kills the daemon while a step runs, and finds neither its process nor its mounts.
func killDuringStep(t *testing.T, o Options, dockerfile string) {
	t.Helper()
	seconds := strconv.Itoa(100000 + os.Getpid()) // to find the process by
	dir := buildContext(t, dockerfile+`RUN ["/bin/busybox", "sleep", "`+seconds+`"]`)
	failed := make(chan error, 1)
	go func() {
		_, err := solve(context.Background(), o, dir)
		failed <- err
	}()
	for !running("sleep", seconds) {
		select {
		case err := <-failed:
			t.Fatal(err, readString(o.Log()))
		default:
		}
		assert.Assert(t, pause(t.Context()))
	}
	killDaemons(t, o)
	assert.Assert(t, <-failed != nil)
	// The kernel frees the lock of the first process of a namespace before it has ended the others.
	for deadline := time.Now().Add(10 * time.Second); running("sleep", seconds) && time.Now().Before(deadline); {
		assert.Assert(t, pause(t.Context()))
	}
	assert.Assert(t, !running("sleep", seconds), "the step's process outlives the daemon")
	assert.Assert(t, !strings.Contains(readString("/proc/self/mountinfo"), o.Root))
}

// running tells whether there is a process with these two arguments, somewhere in its command line.
func running(args ...string) bool {
	want := "\x00" + strings.Join(args, "\x00") + "\x00"
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if strings.Contains("\x00"+readString(file), want) {
			return true
		}
	}
	return false
}

func TestTerminated(t *testing.T) {
	o := realOptions(t)
	ensureReal(t, o)
	// A history that is listened to is a call without an end.
	c, err := client.New(t.Context(), o.Address())
	assert.NilError(t, err)
	defer c.Close()
	_, err = c.ControlClient().ListenBuildHistory(t.Context(), &controlapi.BuildHistoryRequest{})
	assert.NilError(t, err)
	for _, pid := range daemons(o) {
		assert.NilError(t, syscall.Kill(pid, syscall.SIGTERM))
	}
	waitFree(t, o)
	_, err = os.Lstat(o.Socket)
	assert.Assert(t, errors.Is(err, os.ErrNotExist), "%v", err)
}

// TestWithoutOverlay has the state on an overlay, where no second one can be.
func TestWithoutOverlay(t *testing.T) {
	o := realOptions(t)
	dir := t.TempDir()
	for _, d := range []string{"lower", "upper", "work"} {
		assert.NilError(t, os.Mkdir(filepath.Join(dir, d), 0o700))
	}
	assert.NilError(t, os.MkdirAll(o.Root, 0o700))
	data := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	assert.NilError(t, syscall.Mount("overlay", o.Root, "overlay", 0, data))
	t.Cleanup(func() {
		killDaemons(t, o)
		assert.Check(t, syscall.Unmount(o.Root, syscall.MNT_DETACH)) // the kernel may still be taking the namespace down
	})
	ensureReal(t, o)
	buildAndCheck(t, o)
	assert.Assert(t, is.Contains(readString(o.Log()), "no overlayfs"))
}
