package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	// startTimeout is for machines at their limit: a start takes a tenth of a second.
	startTimeout = 30 * time.Second
	// answerTimeout is how long a process that accepts a connection may think.
	answerTimeout = 2 * time.Second
	maxLog        = 1 << 20
)

// Ensure returns when a daemon answers at the socket. When none does it starts one: command is run in a session of
// its own with the environment variables of this package set, and has to call Serve(ctx, DefaultOptions()).
// However many processes call it at once, one daemon starts. started tells whether this call did it.
// An answering daemon has Idle time before it ends, so connect soon.
func Ensure(ctx context.Context, o Options, command []string) (started bool, err error) {
	if err := o.validate(); err != nil {
		return false, err
	}
	if answers(ctx, o.Socket) {
		return false, nil
	}
	if err := Check(); err != nil {
		return false, err
	}
	return ensure(ctx, o, func() (*exec.Cmd, error) { return daemonCommand(o, command) })
}

func ensure(ctx context.Context, o Options, command func() (*exec.Cmd, error)) (started bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %s", startTimeout))
	defer cancel()
	if err := makeDirs(o); err != nil {
		return false, err
	}
	lock, err := waitLock(ctx, startLock(o.Root))
	if err != nil {
		return false, fmt.Errorf("start BuildKit: another process is at it: %w", err)
	}
	defer lock.Close()
	if answers(ctx, o.Socket) {
		return false, nil
	}
	// A daemon that was idle may still be closing its databases.
	old, err := waitLock(ctx, daemonLock(o.Root))
	if err != nil {
		return false, fmt.Errorf("start BuildKit: %w: %w", errOwned(o.Root), err)
	}
	old.Close()
	cmd, err := command()
	if err != nil {
		return false, err
	}
	if err := start(ctx, o, cmd); err != nil {
		return false, fmt.Errorf("start BuildKit: %w\nhint: see %s", err, o.Log())
	}
	return true, nil
}

func makeDirs(o Options) error {
	for _, dir := range []string{o.Root, tempDir(o), filepath.Dir(o.Socket)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// start runs a daemon until it answers. One that does not is killed, so that it is not in the way of the next.
func start(ctx context.Context, o Options, cmd *exec.Cmd) error {
	log, err := openLog(o.Log())
	if err != nil {
		return err
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, "/"
	if err := cmd.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			err = fmt.Errorf("%w (namespaces are not allowed here)", err)
		}
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if answers(ctx, o.Socket) {
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the daemon ended: %w%s", orExit0(err), lastLines(o.Log(), begin))
		default:
		}
		if !pause(ctx) {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended //nolint:errcheck // it was killed here
			return fmt.Errorf("%w%s", context.Cause(ctx), lastLines(o.Log(), begin))
		}
	}
}

func orExit0(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// Answers tells whether the daemon runs.
func Answers(ctx context.Context, o Options) bool { return answers(ctx, o.Socket) }

// answers tells whether a daemon serves the socket. It counts as a call, so the daemon's idle time begins anew.
func answers(ctx context.Context, socket string) bool {
	// gRPC waits a second before it tries again, so ask it only when somebody listens.
	probe, err := net.Dial("unix", socket)
	if err != nil {
		return false
	}
	probe.Close()
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return false
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
	return err == nil && r.Status == healthv1.HealthCheckResponse_SERVING
}

func openLog(path string) (*os.File, error) {
	flags := os.O_RDWR | os.O_CREATE | os.O_APPEND
	if fi, err := os.Stat(path); err == nil && fi.Size() > maxLog {
		flags |= os.O_TRUNC
	}
	return os.OpenFile(path, flags, 0o600)
}

// lastLines is the end of what was logged since begin, on lines of its own.
func lastLines(path string, begin int64) string {
	const most, width = 8, 300
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) <= begin {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b[begin:])), "\n")
	var s strings.Builder
	for _, line := range lines[max(0, len(lines)-most):] {
		fmt.Fprintf(&s, "\n  %.*s", width, line)
	}
	return s.String()
}
