package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/moby/sys/userns"
)

// defaultIdle is long enough to serve a work session and short enough not to be found the next day. A start costs
// a tenth of a second.
const defaultIdle = 5 * time.Minute

// Values of EnvGC.
const gcOn, gcOff = "on", "off"

// DefaultOptions are those of the current user, with the environment variables of this package applied.
// The state is in $XDG_CACHE_HOME or ~/.cache, below docker-catmandu/buildkit.
// The socket is in docker-catmandu below $XDG_RUNTIME_DIR, /run/user/UID or, for root, /run;
// where there is none of these it is next to the state.
func DefaultOptions() (Options, error) {
	return userEnv{euid: os.Geteuid(), getenv: os.Getenv, owner: owner}.options()
}

// userEnv is what the defaults depend on.
type userEnv struct {
	euid   int
	getenv func(string) string
	owner  func(dir string) (uid int, ok bool) // ok is whether the folder is there
}

func (e userEnv) options() (Options, error) {
	o := Options{Root: e.getenv(EnvRoot), Socket: e.getenv(EnvSocket), Config: e.getenv(EnvConfig), Idle: defaultIdle}
	if o.Root == "" {
		cache, err := e.cacheDir()
		if err != nil {
			return Options{}, err
		}
		o.Root = filepath.Join(cache, "docker-catmandu", "buildkit")
	}
	if o.Socket == "" {
		o.Socket = e.socket(o.Root)
	}
	if s := e.getenv(EnvIdle); s != "" {
		idle, err := time.ParseDuration(s)
		if err != nil {
			return Options{}, fmt.Errorf("%s: %q is not a duration such as 90s or 5m", EnvIdle, s)
		}
		o.Idle = idle
	}
	switch s := e.getenv(EnvGC); s {
	case "", gcOn:
	case gcOff:
		o.KeepAll = true
	default:
		return Options{}, fmt.Errorf("%s: %q is neither %s nor %s", EnvGC, s, gcOn, gcOff)
	}
	return o, o.validate()
}

func (e userEnv) cacheDir() (string, error) {
	if dir := e.getenv("XDG_CACHE_HOME"); dir != "" {
		return dir, nil
	}
	home := e.getenv("HOME")
	if e.euid == 0 {
		// sudo may keep HOME: files of root do not belong there, and the owner has a daemon of their own.
		if uid, ok := e.owner(home); home == "" || !ok || uid != 0 {
			return "/var/cache", nil
		}
	}
	if home == "" {
		return "", fmt.Errorf("no folder for the state of BuildKit: HOME is not set\nhint: set %s", EnvRoot)
	}
	return filepath.Join(home, ".cache"), nil
}

func (e userEnv) socket(root string) string {
	dirs := []string{e.getenv("XDG_RUNTIME_DIR"), "/run/user/" + strconv.Itoa(e.euid)}
	if e.euid == 0 {
		dirs = []string{"/run"}
	}
	for _, dir := range dirs {
		// A folder of somebody else is what su leaves behind.
		if uid, ok := e.owner(dir); dir != "" && ok && uid == e.euid {
			return filepath.Join(dir, "docker-catmandu", "buildkitd.sock")
		}
	}
	return filepath.Join(root, "buildkitd.sock")
}

func owner(dir string) (int, bool) {
	fi, err := os.Stat(dir)
	if err != nil || !fi.IsDir() {
		return 0, false
	}
	return int(fi.Sys().(*syscall.Stat_t).Uid), true
}

// findConfig is the path of the buildkitd.toml to use; empty is none. Only a path that was asked for must exist.
func findConfig(asked string) (string, error) {
	if asked != "" {
		_, err := os.Stat(asked)
		return asked, err
	}
	for _, dir := range configDirs(os.Geteuid() == 0 && !userns.RunningInUserNS(), os.Getenv) {
		path := filepath.Join(dir, "buildkit", "buildkitd.toml")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", nil
}

func configDirs(root bool, getenv func(string) string) []string {
	var dirs []string
	if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
		dirs = append(dirs, dir)
	}
	if root {
		return append(dirs, "/etc")
	}
	if home := getenv("HOME"); home != "" {
		dirs = append(dirs, filepath.Join(home, ".config"))
	}
	return dirs
}
