package embedded

import (
	"runtime/debug"

	"github.com/moby/buildkit/version"
)

// nameVersion lets BuildKit tell the version that is linked into this program: its own daemon is told it by the linker. Clients
// decide by it what they may ask for.
func nameVersion() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, m := range info.Deps {
		if m.Path == version.Package && m.Version != "" {
			version.Version = m.Version
		}
	}
}
