package revision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// repo is a repository with a working tree: the one that was asked for, or a submodule.
type repo struct {
	ctx    context.Context // of Open: an fsutil.FS has no context when it reads
	top    string          // of its working tree
	dir    string          // its git directory
	prefix string          // of its files in the tree: "" or "sub/module/"
	config map[string]string

	attributes string // a folder with the .gitattributes of the revision; empty: the working tree has them
	mu         sync.Mutex
	plain      *batch // git cat-file, started when needed
	converted  *batch
}

// find is the repository that a folder lies in.
func find(ctx context.Context, dir string) (*repo, error) {
	// One call for each: a path may have a line break in it.
	top, err := output(git(ctx, nil, "-C", dir, "rev-parse", "--show-toplevel"))
	if err != nil {
		return nil, findError(dir, err)
	}
	gitDir, err := output(git(ctx, nil, "-C", dir, "rev-parse", "--absolute-git-dir"))
	if err != nil {
		return nil, findError(dir, err)
	}
	return newRepo(ctx, filepath.FromSlash(line(top)), filepath.FromSlash(line(gitDir)), "")
}

func newRepo(ctx context.Context, top, gitDir, prefix string) (*repo, error) {
	r := &repo{ctx: ctx, top: top, dir: gitDir, prefix: prefix, config: map[string]string{}}
	out, err := r.run(nil, "config", "-z", "--list")
	if err != nil {
		return nil, err
	}
	for _, entry := range split(out) {
		key, value, ok := strings.Cut(entry, "\n")
		if !ok {
			value = "true"
		}
		r.config[key] = value
	}
	return r, nil
}

func findError(dir string, err error) error {
	var missing *exec.Error
	switch text := err.Error(); {
	case errors.As(err, &missing):
		return errors.New("no git program in PATH\nhint: comparing revisions needs git")
	case !isDir(dir):
		return &fs.PathError{Op: "open", Path: dir, Err: fs.ErrNotExist}
	case strings.Contains(text, "not a git repository"):
		return fmt.Errorf("%s is not in a git repository", dir)
	case strings.Contains(text, "must be run in a work tree"):
		return fmt.Errorf("%s is in a git repository without a working tree\nhint: clone it, or use `git worktree add`", dir)
	}
	return err
}

// git makes a command that neither asks, nor fetches, nor writes to the repository.
func git(ctx context.Context, env []string, args ...string) *exec.Cmd {
	// A partial clone would fetch each missing object by itself.
	return online(ctx, env, append([]string{"-c", "protocol.allow=never"}, args...)...)
}

// online makes a command that may go to the network, but still doesn't ask or write.
func online(ctx context.Context, env []string, args ...string) *exec.Cmd {
	args = append([]string{"-c", "core.quotepath=off", "-c", "core.fsmonitor=false"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...)
	for _, v := range os.Environ() {
		// Git sets them for its hooks; with them the folder that was asked for would not count.
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_ATTR_SOURCE":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// command is git in the repository. With its attributes elsewhere, nothing but its objects and settings is used.
func (r *repo) command(args ...string) *exec.Cmd {
	dir := r.top
	var env []string
	if r.attributes != "" {
		dir = r.attributes
		env = append(env, "GIT_INDEX_FILE="+filepath.Join(dir, "no index"))
	} else if !isDir(dir) { // a submodule that is not checked out
		dir = r.dir
	}
	env = append(env, "GIT_DIR="+r.dir, "GIT_WORK_TREE="+dir)
	cmd := git(r.ctx, env, args...)
	cmd.Dir = dir
	return cmd
}

func (r *repo) run(stdin []byte, args ...string) ([]byte, error) {
	cmd := r.command(args...)
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	return output(cmd)
}

// gitError is what git said before it failed.
type gitError struct {
	what string
	said string
	err  error
}

func (e *gitError) Error() string {
	if e.said == "" {
		return fmt.Sprintf("git %s: %v", e.what, e.err)
	}
	return fmt.Sprintf("git %s: %s", e.what, e.said)
}

func (e *gitError) Unwrap() error { return e.err }

func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, failure(cmd, stderr.String(), err)
	}
	return out, nil
}

func failure(cmd *exec.Cmd, stderr string, err error) error {
	said := strings.TrimPrefix(strings.TrimSpace(stderr), "fatal: ")
	return &gitError{what: subcommand(cmd.Args), said: said, err: err}
}

func subcommand(args []string) string {
	for i := 1; i < len(args); i++ {
		switch args[i] {
		case "-c", "-C":
			i++
		default:
			return args[i]
		}
	}
	return ""
}

func exitStatus(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// enabled is a boolean setting.
func (r *repo) enabled(key string, otherwise bool) bool {
	switch strings.ToLower(r.config[key]) {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	}
	return otherwise
}

// split is the items of git's output with -z.
func split(out []byte) []string {
	text := strings.TrimSuffix(string(out), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}

func line(out []byte) string { return strings.TrimSuffix(strings.TrimSuffix(string(out), "\n"), "\r") }

func isDir(dir string) bool {
	fi, err := os.Stat(dir)
	return err == nil && fi.IsDir()
}
