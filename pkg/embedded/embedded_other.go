//go:build !linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

var errHere = fmt.Errorf("embedded BuildKit on %s: %w\nhint: start Docker, or name a builder", runtime.GOOS, errors.ErrUnsupported)

// DefaultOptions is an error, errors.ErrUnsupported: embedded BuildKit is for Linux.
func DefaultOptions() (Options, error) { return Options{}, errHere }

// Ensure is an error: embedded BuildKit is for Linux.
func Ensure(context.Context, Options, []string) (bool, error) { return false, errHere }

// Serve is an error: embedded BuildKit is for Linux.
func Serve(context.Context, Options) error { return errHere }

// Check is an error: embedded BuildKit is for Linux.
func Check() error { return errHere }

// Stop is nil: there is no daemon.
func Stop(context.Context, Options) error { return nil }

// Remove is nil: there is no daemon.
func Remove(context.Context, Options) error { return nil }

// CPUSeconds is an error: embedded BuildKit is for Linux.
func CPUSeconds(Options) (float64, error) { return 0, errHere }

// Answers is false: embedded BuildKit is for Linux.
func Answers(context.Context, Options) bool { return false }
