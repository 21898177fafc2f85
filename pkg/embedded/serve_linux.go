package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/defaults"
	"github.com/moby/buildkit/util/bklog"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// Of an end: first calls may finish, then they are cut off and may clean up.
const (
	graceTime   = 2 * time.Second
	cleanupTime = 5 * time.Second
)

// Serve runs the daemon in this process until it was idle or ctx ends, neither of which is an error. It needs to be
// root, if only of a user namespace, which Ensure sees to. It logs to os.Stderr and uses global state of BuildKit:
// a process can serve once.
func Serve(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("serve BuildKit: not root\nhint: run it below rootlesskit")
	}
	if err := makeDirs(o); err != nil {
		return err
	}
	lock, err := own(o)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := settle(ctx); err != nil {
		return err
	}
	cfg, err := loadConfig(o)
	if err != nil {
		return err
	}
	if err := applyGlobals(cfg); err != nil {
		return err
	}
	nameVersion()
	if runc, err := runcBinary(cfg.Workers.OCI.Binary); err == nil {
		sweep(ctx, o.Root, runc)
	}
	return serve(ctx, o, func(stop context.Context, server *grpc.Server) (func() error, error) {
		controller, err := newController(stop, cfg)
		if err != nil {
			return nil, err
		}
		controller.Register(server)
		return controller.Close, nil
	})
}

// serve answers at the socket with what register adds to the server and, at the end, closes it.
func serve(ctx context.Context, o Options, register func(context.Context, *grpc.Server) (func() error, error)) error {
	// Listening first spares clients the polling: they are accepted as soon as there is something to answer.
	listener, err := listen(ctx, o.Socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	idle := newIdle(o.Idle)
	server := newServer(idle)
	closeAll, err := register(ctx, server)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	bklog.L.Infof("serving %s", o.Socket)
	select {
	case err = <-served:
	case <-ctx.Done():
		bklog.L.Info("asked to end")
	case <-idle.done:
		bklog.L.Infof("idle for %s", o.Idle)
	}
	stop()
	shutdown(server)
	return errors.Join(err, closeAll())
}

func newServer(idle *idle) *grpc.Server {
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(idle.unary, logErrors, grpcerrors.UnaryServerInterceptor),
		grpc.ChainStreamInterceptor(idle.stream, grpcerrors.StreamServerInterceptor),
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize),
		grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
		grpc.WaitForHandlers(true),
	)
	healthv1.RegisterHealthServer(server, health.NewServer())
	return server
}

func logErrors(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	resp, err := handle(ctx, req)
	if err != nil {
		bklog.G(ctx).Errorf("%s: %v", info.FullMethod, err)
	}
	return resp, err
}

// shutdown ends the server. A graceful stop alone would wait for ever on a connection that says nothing.
func shutdown(server *grpc.Server) {
	within := func(d time.Duration, stop func()) bool {
		done := make(chan struct{})
		go func() {
			stop()
			close(done)
		}()
		select {
		case <-done:
			return true
		case <-time.After(d):
			return false
		}
	}
	if !within(graceTime, server.GracefulStop) && !within(cleanupTime, server.Stop) {
		bklog.L.Warn("builds do not end; leaving them")
	}
}

// listen makes the socket, for this user only, in place of one that a killed daemon left.
func listen(ctx context.Context, socket string) (net.Listener, error) {
	if answers(ctx, socket) {
		return nil, fmt.Errorf("socket %s: another daemon serves it", socket)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	defer syscall.Umask(syscall.Umask(0o177))
	return net.Listen("unix", socket)
}
