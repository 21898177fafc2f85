// Package embedded is a private BuildKit for Linux machines where no Docker Engine and no builder answers: BuildKit's
// controller and its runc worker, linked into this program, which starts itself again as the daemon.
// It is the only package that imports them. It knows a socket, a state folder and an idle time, and nothing of builds.
//
// The daemon lives in a process ID namespace and a mount namespace of its own. However it ends, the kernel ends
// with it every process of every RUN step and takes every mount away. The exception are containers without privileges,
// where there can be no such namespace.
package embedded

import (
	"fmt"
	"path/filepath"
	"time"
)

// Environment variables that replace what DefaultOptions would choose. Ensure sets all of them for the daemon.
const (
	EnvRoot   = "CATMANDU_BUILDKIT_ROOT"   // absolute folder
	EnvSocket = "CATMANDU_BUILDKIT_SOCKET" // absolute path
	EnvIdle   = "CATMANDU_BUILDKIT_IDLE"   // Go duration; 0 is for ever
	EnvConfig = "CATMANDU_BUILDKIT_CONFIG" // path of a buildkitd.toml
	EnvGC     = "CATMANDU_BUILDKIT_GC"     // "off" collects no garbage
)

// Options say where a daemon lives and for how long.
type Options struct {
	Socket string        // absolute path of the unix socket
	Root   string        // absolute folder of caches, locks and the log; has one daemon at a time
	Idle   time.Duration // the daemon ends after so long without a call in flight; 0 is never
	// Config is a buildkitd.toml. Addresses and the state folder in it are ignored. Empty is the first that exists of
	// $XDG_CONFIG_HOME/buildkit/buildkitd.toml and, for root, /etc/buildkit/buildkitd.toml,
	// for others, ~/.config/buildkit/buildkitd.toml.
	Config string
	// KeepAll leaves the cache to itself: nothing is collected, whatever the configuration says. It is for a daemon whose
	// state folder does not outlive it.
	KeepAll bool
}

// Address is the socket as BuildKit's client and buildx's remote driver want it.
func (o Options) Address() string { return "unix://" + o.Socket }

// Log is the file that gets what the daemon prints.
func (o Options) Log() string { return filepath.Join(o.Root, "daemon.log") }

// maxSocketPath is what fits into sockaddr_un with its final zero byte.
const maxSocketPath = 107

func (o Options) validate() error {
	if !filepath.IsAbs(o.Root) {
		return fmt.Errorf("state folder %q: not an absolute path", o.Root)
	}
	if !filepath.IsAbs(o.Socket) {
		return fmt.Errorf("socket %q: not an absolute path", o.Socket)
	}
	if len(o.Socket) > maxSocketPath {
		return fmt.Errorf("socket %s: longer than %d bytes\nhint: set %s to a shorter path", o.Socket, maxSocketPath, EnvSocket)
	}
	if o.Idle < 0 {
		return fmt.Errorf("idle time %s: negative", o.Idle)
	}
	return nil
}
