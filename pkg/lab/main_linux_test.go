//go:build e2e

package lab

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/docker-catmandu/docker-catmandu/pkg/embedded"
)

// asEnv makes the test binary something else: "serve" is a private BuildKit, "hold" a process that opens a lab and keeps it.
const asEnv = "LAB_TEST_AS"

func TestMain(m *testing.M) {
	as := os.Getenv(asEnv)
	if as == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	var err error
	switch as {
	case "serve":
		var o embedded.Options
		if o, err = embedded.DefaultOptions(); err == nil {
			err = embedded.Serve(ctx, o)
		}
	case "hold":
		err = hold(ctx)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
