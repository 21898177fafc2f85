//go:build e2e

package embedded

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

// TestRootless needs rootlesskit and uidmap.
func TestRootless(t *testing.T) {
	who := unprivileged(t)
	o := realOptions(t)
	dir := filepath.Dir(o.Root)
	exe := filepath.Join(dir, filepath.Base(os.Args[0]))
	program, err := os.ReadFile(os.Args[0])
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(exe, program, 0o755))
	uid, gid := ids(t, who)
	assert.NilError(t, os.Chown(dir, uid, gid))
	run := func(as string) string {
		cmd := exec.Command(exe)
		cmd.Env = append(daemonEnv(o, []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "USER=" + who.Username}), asEnv+"="+as)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		out, err := cmd.CombinedOutput()
		assert.NilError(t, err, "%s", out)
		return string(out)
	}
	start := func() { assert.Equal(t, run("ensure"), "true\n") }
	start()
	buildAndCheck(t, o)
	killDuringStep(t, o, fromScratch)
	start()
	buildAndCheck(t, o)
	used, err := CPUSeconds(o)
	assert.NilError(t, err)
	assert.Assert(t, used > 0)
	run("remove") // files of other users are in it
	for _, path := range []string{o.Root, o.Socket} {
		_, err := os.Lstat(path)
		assert.Assert(t, errors.Is(err, os.ErrNotExist), "%s: %v", path, err)
	}
	assert.Equal(t, len(daemons(o)), 0)
}

func ids(t *testing.T, u *user.User) (uid, gid int) {
	t.Helper()
	uid, err := strconv.Atoi(u.Uid)
	assert.NilError(t, err)
	gid, err = strconv.Atoi(u.Gid)
	assert.NilError(t, err)
	return uid, gid
}

// unprivileged makes a user for a test. useradd gives it subordinate IDs, and userdel takes them back.
func unprivileged(t *testing.T) *user.User {
	t.Helper()
	const name = "catmandu-e2e"
	if _, err := user.Lookup(name); err != nil {
		out, err := exec.Command("useradd", "--no-create-home", name).CombinedOutput()
		assert.NilError(t, err, "%s", out)
	}
	t.Cleanup(func() {
		out, err := exec.Command("userdel", name).CombinedOutput()
		assert.Check(t, err, "%s", out)
	})
	u, err := user.Lookup(name)
	assert.NilError(t, err)
	return u
}
