package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/embedded"
)

// embeddedIdle is how long a private BuildKit survives whoever measured with it. A lab in use holds a call.
const embeddedIdle = 30 * time.Second

// embeddedLab is a private BuildKit that nobody else knows.
type embeddedLab struct {
	sole
	daemon embedded.Options
}

func (l *Lab) openEmbedded(ctx context.Context) error {
	o, err := embedded.DefaultOptions() // for the configuration: registries and mirrors hold here too
	if err != nil {
		return err
	}
	o.Idle, o.KeepAll = embeddedIdle, true
	var temp string
	o.Root, o.Socket, temp = daemonPaths(l.folder.path)
	l.folder.note.Daemon, l.folder.note.Temp = &o, temp
	place := &embeddedLab{daemon: o}
	l.place = place
	if err := l.folder.write(); err != nil {
		return err
	}
	if temp != "" {
		if err := os.Mkdir(temp, 0o700); err != nil {
			return err
		}
	}
	if _, err := embedded.Ensure(ctx, o, l.options.Daemon); err != nil {
		return err
	}
	b, err := buildx.At(ctx, l.options.CLI, "catmandu-bench", o.Address(), l.folder.buildxDir())
	if err != nil {
		return err
	}
	if err := l.connect(ctx, b); err != nil {
		return err
	}
	place.live = l.live
	l.watch = newWatch(ctx, l.live, nil)
	_, _ = fmt.Fprintf(l.options.Notices, "measuring in a private BuildKit of its own, below %s\n", l.folder.path)
	return nil
}

// maxSocket is the longest path of a socket on Linux. rootlesskit makes one below the state folder.
const maxSocket, rootlessSocket = 107, "rootlesskit/.api.sock.lock"

// daemonPaths are the state folder and the socket of a daemon: in the lab's folder, which is on the disk where the user's private
// BuildKit is too, unless its path is too long for sockets. Then they are in a temporary folder, which is the third; it has to be made.
func daemonPaths(dir string) (root, socket, temp string) {
	if len(filepath.Join(dir, "root", rootlessSocket)) > maxSocket {
		temp = filepath.Join(os.TempDir(), "catmandu-lab-"+strings.ToLower(rand.Text()[:nameLetters]))
		dir = temp
	}
	return filepath.Join(dir, "root"), filepath.Join(dir, "run", "d.sock"), temp
}

// nameLetters are as many as it takes for no two temporary folders to have one name.
const nameLetters = 12

func (e *embeddedLab) cpu(context.Context) (float64, string, error) {
	seconds, err := embedded.CPUSeconds(e.daemon)
	return seconds, "daemon", err
}

func (e *embeddedLab) remove(ctx context.Context) error { return removeDaemon(ctx, e.daemon) }

// removeDaemon stops a daemon and removes its files.
func removeDaemon(ctx context.Context, o embedded.Options) error {
	if err := embedded.Remove(ctx, o); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Dir(o.Socket)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
