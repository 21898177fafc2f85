//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// builders are the ways to a BuildKit. The scripts of testdata/builders run once with each of them.
var builders = []struct {
	name  string
	setup func(*testscript.Env) error
}{
	{"embedded", func(*testscript.Env) error { return nil }}, // where nothing answers the plugin starts its own
	{"engine", func(env *testscript.Env) error {
		env.Setenv("DOCKER_HOST", env.Getenv("ENGINE_HOST"))
		return nil
	}},
	{"containerd-store", func(env *testscript.Env) error {
		env.Setenv("DOCKER_HOST", env.Getenv("CONTAINERD_ENGINE_HOST"))
		return nil
	}},
	{"remote", func(env *testscript.Env) error {
		env.Setenv("BUILDX_BUILDER", "remote")
		return docker(env, "buildx", "create", "--name", "remote", "--driver", "remote", env.Getenv("BUILDKIT_ADDR"))
	}},
	{"container", func(env *testscript.Env) error {
		env.Setenv("DOCKER_HOST", env.Getenv("ENGINE_HOST"))
		name := "e2e-" + filepath.Base(env.WorkDir) // scripts run at the same time
		env.Setenv("BUILDX_BUILDER", name)
		env.Defer(func() { _ = docker(env, "buildx", "rm", name) })
		return docker(env, "buildx", "create", "--name", name, "--driver", "docker-container",
			"--driver-opt", "network=host", "--buildkitd-config", env.Getenv("BUILDKITD_CONFIG"))
	}},
}

// TestScripts runs what concerns one builder or none.
func TestScripts(t *testing.T) {
	testscript.Run(t, params("testdata/script", "", setup))
}

// TestBuilders runs the same scripts with every builder; -run TestBuilders/remote takes one.
func TestBuilders(t *testing.T) {
	for _, b := range builders {
		t.Run(b.name, func(t *testing.T) {
			testscript.Run(t, params("testdata/builders", b.name, func(env *testscript.Env) error {
				if err := setup(env); err != nil {
					return err
				}
				return b.setup(env)
			}))
		})
	}
}

// TestEngines runs what brings images into an engine once with each kind of image store.
func TestEngines(t *testing.T) {
	for _, kind := range []string{graphDriver, containerdStore} {
		t.Run(kind, func(t *testing.T) {
			testscript.Run(t, params("testdata/engines", kind, func(env *testscript.Env) error {
				if err := setup(env); err != nil {
					return err
				}
				env.Setenv("ENGINE_HOST", engineHost(kind))
				return nil
			}))
		})
	}
}

func params(dir, builder string, setup func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Dir:           dir,
		Setup:         setup,
		UpdateScripts: os.Getenv("E2E_UPDATE") != "",
		// Short, for the sockets in it.
		WorkdirRoot: mkdir(filepath.Join(os.Getenv("E2E_DIR"), "s"+builder)),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"alone":   aloneCommand,
			"ends":    endsCommand,
			"json":    jsonCommand,
			"layout":  layoutCommand,
			"running": runningCommand,
			"runs":    runsCommand,
			"signal":  signalCommand,
			"spawn":   spawnCommand,
			"waitfor": waitforCommand,
		},
		// [remote] is true when the script runs with that builder.
		Condition: func(name string) (bool, error) {
			for _, b := range builders {
				if b.name == name {
					return name == builder, nil
				}
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	}
}

// setup gives every script a docker CLI with plugins, and its own configuration, caches and runtime folder.
func setup(env *testscript.Env) error {
	for _, name := range []string{"E2E_BIN", "E2E_DIR", "REGISTRY", "BUILDKIT_ADDR", "BUILDKITD_CONFIG", "ENGINE_HOST", "CONTAINERD_ENGINE_HOST"} {
		env.Setenv(name, os.Getenv(name))
	}
	bin := os.Getenv("E2E_BIN")
	home := filepath.Join(env.WorkDir, ".home")
	env.Setenv("HOME", home)
	env.Setenv("DOCKER_CONFIG", filepath.Join(home, ".docker"))
	env.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	env.Setenv("XDG_DATA_HOME", filepath.Join(home, ".local/share"))
	env.Setenv("XDG_STATE_HOME", filepath.Join(home, ".local/state"))
	env.Setenv("XDG_RUNTIME_DIR", mkdir(filepath.Join(home, "run")))
	env.Setenv("DOCKER_HOST", "unix:///nonexistent.sock")
	env.Setenv("CATMANDU_BUILDKIT_SOCKET", filepath.Join(home, "run/buildkitd.sock"))
	env.Setenv("CATMANDU_BUILDKIT_CONFIG", os.Getenv("BUILDKITD_CONFIG"))
	env.Setenv("DEBIAN_DOCKER", filepath.Join(bin, "debian/usr/bin/docker"))
	env.Setenv("EXAMPLES", filepath.Join(bin, "../examples"))
	env.Setenv("PATH", strings.Join([]string{bin + "/tools", bin + "/debian/bin", os.Getenv("PATH")}, ":"))

	env.Values[processesKey] = newProcesses(env)

	plugins := mkdir(filepath.Join(home, ".docker/cli-plugins"))
	for _, plugin := range []string{"docker-catmandu", "tools/cli-plugins/docker-buildx", "tools/cli-plugins/docker-compose"} {
		if err := os.Symlink(filepath.Join(bin, plugin), filepath.Join(plugins, filepath.Base(plugin))); err != nil {
			return err
		}
	}
	return nil
}

func docker(env *testscript.Env, args ...string) error {
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "tools/docker"), args...)
	cmd.Env, cmd.Dir = env.Vars, env.WorkDir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func mkdir(dir string) string {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		panic(err)
	}
	return dir
}

// json FILE PATH PATTERN: the value at PATH (targets/0/stage; len is the length of a list) in a JSON document
// matches PATTERN. Text is matched without quotes, everything else as JSON.
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH PATTERN")
	}
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &value))
	found := true
	for key := range strings.SplitSeq(args[1], "/") {
		switch v := value.(type) {
		case map[string]any:
			value, found = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			switch {
			case key == "len":
				value = len(v)
			case err == nil && i >= 0 && i < len(v):
				value = v[i]
			default:
				found = false
			}
		default:
			found = false
		}
		if !found {
			break
		}
	}
	text, isText := value.(string)
	if found && !isText {
		b, err := json.Marshal(value)
		ts.Check(err)
		text = string(b)
	}
	matched, err := regexp.MatchString(args[2], text)
	ts.Check(err)
	if found && matched == neg || !found && !neg {
		ts.Fatalf("%s is %q (found: %v), pattern %q", args[1], text, found, args[2])
	}
}

// waitfor FILE [PATTERN]: wait until FILE is there and has a match, half a minute at most.
func waitforCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfor FILE [PATTERN]")
	}
	pattern, err := regexp.Compile(strings.Join(args[1:], ""))
	ts.Check(err)
	var content []byte
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if content, err = os.ReadFile(ts.MkAbs(args[0])); err == nil && pattern.Match(content) {
			return
		}
	}
	ts.Fatalf("%s has no match for %q after 30 s: %s", args[0], pattern, content)
}

// lone is held by a script that must be alone with its builder.
var lone sync.Mutex

// alone: waits until no other script is alone, and is so to its end. bench fails when somebody else removes records of a builder.
func aloneCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: alone")
	}
	lone.Lock()
	ts.Defer(lone.Unlock)
}
