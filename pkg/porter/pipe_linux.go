package porter

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is how much may wait in a pipe, in bytes: whoever is at the other end need not be woken for every little.
const pipeSize = 1 << 20

// widen makes a pipe larger, if it is one and that is allowed.
func widen(pipe any) {
	if f, ok := pipe.(*os.File); ok {
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, pipeSize)
	}
}
