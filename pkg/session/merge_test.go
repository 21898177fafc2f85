package session

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// repository runs git in a folder, apart from the settings of who tests.
type repository struct {
	t   *testing.T
	dir string
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{
		"-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false",
	}, args...)...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	out, err := cmd.CombinedOutput()
	assert.NilError(r.t, err, "git %s: %s", strings.Join(args, " "), out)
	return string(out)
}

func (r repository) commit() {
	r.git("add", "-A")
	r.git("commit", "--quiet", "--allow-empty", "--message", "x")
}

// Branches that both measured merge without a conflict, in either direction, and nothing is lost or there twice. Sessions are
// appended on both sides at random, some of them the same on both, as after a cherry-pick.
func TestMerge(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	random := rand.New(rand.NewPCG(7, 7))
	for range 4 {
		r := repository{t, t.TempDir()}
		st := NewStore(r.dir)
		want := map[string]bool{}
		day := 0
		add := func() *Session {
			s := nightly(day, 20)
			day++
			want[s.ID] = true
			assert.NilError(t, st.Append(s))
			return s
		}
		r.git("init", "--quiet")
		for range random.IntN(3) + 1 {
			assert.NilError(t, st.SaveRuns(add()))
		}
		r.commit()
		assert.Assert(t, !strings.Contains(r.git("ls-files"), "runs/"))
		assert.Assert(t, !strings.Contains(r.git("ls-files"), ".lock"))

		r.git("checkout", "--quiet", "-b", "feature")
		var shared []*Session
		for range random.IntN(4) + 1 {
			if s := add(); random.IntN(2) == 0 {
				shared = append(shared, s)
			}
		}
		r.commit()
		r.git("checkout", "--quiet", "main")
		for range random.IntN(4) + 1 {
			add()
		}
		for _, s := range shared {
			assert.NilError(t, st.Append(s))
		}
		r.commit()

		r.git("checkout", "--quiet", "-b", "other-way", "feature")
		r.git("merge", "--quiet", "--no-edit", "main")
		one := read(t, st)
		r.git("checkout", "--quiet", "main")
		r.git("merge", "--quiet", "--no-edit", "feature")
		h := read(t, st)

		assert.Equal(t, len(h.Warnings)+len(one.Warnings), 0)
		assert.Equal(t, len(h.Sessions), len(want))
		for _, s := range h.Sessions {
			assert.Assert(t, want[s.ID])
		}
		assert.Assert(t, slices.IsSortedFunc(h.Sessions, func(a, b *Session) int { return a.Started.Compare(b.Started) }))
		assert.DeepEqual(t, h.Sessions, one.Sessions)

		// And the merged file can be appended to.
		add()
		assert.Equal(t, len(read(t, st).Sessions), len(want))
	}
}
