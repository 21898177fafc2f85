package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"gotest.tools/v3/assert"
)

// asEnv makes the test binary something else: "fake" is a daemon without BuildKit, "deaf" one that does not end when it is
// asked to, "dead" one that ends at once,
// "serve" the real one, "ensure" a caller of Ensure that prints whether it started one, "remove" one of Remove.
const asEnv = "EMBEDDED_TEST_AS"

func TestMain(m *testing.M) {
	as := os.Getenv(asEnv)
	if as == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	o, err := DefaultOptions()
	if err == nil {
		switch as {
		case "fake":
			err = fakeServe(ctx, o)
		case "deaf":
			err = fakeServe(context.Background(), o)
		case "dead":
			fmt.Println("first\nno runc today")
			err = fmt.Errorf("dead")
		case "serve":
			err = Serve(ctx, o)
		case "ensure":
			err = printEnsure(ctx, o)
		case "remove":
			err = Remove(ctx, o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func fakeServe(ctx context.Context, o Options) error {
	lock, err := own(o)
	if err != nil {
		return err
	}
	defer lock.Close()
	fmt.Fprintf(os.Stderr, "pid=%d\n", os.Getpid())
	return serve(ctx, o, func(context.Context, *grpc.Server) (func() error, error) {
		return func() error { return nil }, nil
	})
}

func printEnsure(ctx context.Context, o Options) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	os.Setenv(asEnv, "serve")
	started, err := Ensure(ctx, o, []string{exe})
	fmt.Println(started)
	return err
}

// testOptions are those of a daemon that lives in the folder of a test. The socket's path must be short.
func testOptions(t *testing.T) Options {
	t.Helper()
	dir, err := os.MkdirTemp("", "emb") //nolint:usetesting // t.TempDir has the name of the test in its path
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, os.RemoveAll(dir)) })
	return Options{Socket: dir + "/run/d.sock", Root: dir + "/root"}
}

// ensureFake is Ensure with the fake daemon; what it started is gone at the end of the test.
func ensureFake(ctx context.Context, t *testing.T, o Options, as string) (bool, error) {
	t.Helper()
	return ensure(ctx, o, func() (*exec.Cmd, error) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(daemonEnv(o, os.Environ()), asEnv+"="+as)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return cmd, nil
	})
}

// fakePIDs lists the fake daemons that were ever started, from their log.
func fakePIDs(o Options) []int {
	var pids []int
	for _, m := range regexp.MustCompile(`(?m)^pid=(\d+)$`).FindAllStringSubmatch(readString(o.Log()), -1) {
		pid, _ := strconv.Atoi(m[1])
		pids = append(pids, pid)
	}
	return pids
}

// end kills the fake daemons and waits until the last has let go of the state folder.
func end(t *testing.T, o Options) {
	t.Helper()
	for _, pid := range fakePIDs(o) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	waitFree(t, o)
}

func waitFree(t *testing.T, o Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	f, err := waitLock(ctx, daemonLock(o.Root))
	assert.NilError(t, err)
	f.Close()
}
