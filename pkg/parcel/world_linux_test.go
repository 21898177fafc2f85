package parcel

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// oddNames are such as programs stumble over.
var oddNames = []string{
	" ", "-rf", "a b", "new\nline", "tab\t", "quote\"'", "back\\slash", "\xff\xfe invalid", "ünïcode", "*?[", "..hidden", ".old", "~",
	"$HOME", strings.Repeat("long", 60), "\x01\x1b[31m", "<&>", "con:aux",
}

// grower makes random trees.
type grower struct {
	*rand.Rand
	source *rand.ChaCha8
	t      testing.TB
	dir    string
	files  []string
	owners bool
	xattrs bool
}

func newGrower(t testing.TB, seed uint64, dir string) *grower {
	t.Helper()
	source := rand.NewChaCha8([32]byte{byte(seed)})
	g := &grower{Rand: rand.New(source), source: source, t: t, dir: dir} //nolint:gosec // the same numbers each time are wanted
	probe := filepath.Join(dir, "probe")
	g.must(os.WriteFile(probe, nil, 0o600))
	err := unix.Setxattr(probe, "user.x", nil, 0)
	g.xattrs = !errors.Is(err, unix.ENOTSUP)
	g.must(os.Remove(probe))
	return g
}

func (g *grower) must(err error) {
	g.t.Helper()
	assert.NilError(g.t, err)
}

// bytes are random, compressible in part, with runs of zeros now and then.
func (g *grower) bytes(n int) []byte {
	out := make([]byte, 0, n)
	for len(out) < n {
		run := min(n-len(out), 1+g.IntN(100_000))
		switch g.IntN(4) {
		case 0:
			out = append(out, make([]byte, run)...)
		case 1:
			out = append(out, strings.Repeat("catmandu ", run/9+1)[:run]...)
		default:
			from := len(out)
			out = append(out, make([]byte, run)...)
			_, _ = g.source.Read(out[from:])
		}
	}
	return out
}

func (g *grower) size() int {
	sizes := []int{0, 1, 100, 4096, minChunk, minChunk + 1, holeSize, holeSize + 1, maxChunk, 3*maxChunk + 17, 2 << 20}
	return sizes[g.IntN(len(sizes))]
}

func (g *grower) name() string {
	if g.IntN(3) == 0 {
		return oddNames[g.IntN(len(oddNames))]
	}
	return fmt.Sprintf("n%d", g.IntN(1000))
}

// grow makes a folder with so many things below it.
func (g *grower) grow(dir string, n int) {
	for range n {
		path := filepath.Join(dir, g.name())
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		switch g.IntN(10) {
		case 0, 1:
			g.must(os.Mkdir(path, 0o755))
			g.grow(path, g.IntN(n))
		case 2:
			g.must(os.Symlink(g.name(), path))
		case 3:
			g.must(unix.Mkfifo(path, 0o600))
		case 4:
			if len(g.files) > 0 {
				g.must(os.Link(g.files[g.IntN(len(g.files))], path))
			}
			continue
		case 5:
			g.sparse(path)
		default:
			g.must(os.WriteFile(path, g.bytes(g.size()), 0o600))
			g.files = append(g.files, path)
		}
		g.dress(path)
	}
}

// sparse makes a file with data in a few places of a large hole.
func (g *grower) sparse(path string) {
	f, err := os.Create(path)
	g.must(err)
	size := int64(1+g.IntN(20)) << 20
	for range g.IntN(4) {
		_, err := f.WriteAt(g.bytes(1+g.IntN(100_000)), g.Int64N(size))
		g.must(err)
	}
	if g.IntN(2) == 0 {
		g.must(f.Truncate(size + g.Int64N(1<<20)))
	}
	g.must(f.Close())
}

// dress gives a file an owner, attributes, permissions and a time; what is below a folder is there already.
func (g *grower) dress(path string) {
	info, err := os.Lstat(path)
	g.must(err)
	if g.owners {
		g.must(os.Lchown(path, g.IntN(70_000), g.IntN(70_000)))
	}
	regular := info.Mode().IsRegular() || info.IsDir()
	if regular && g.xattrs && g.IntN(3) == 0 {
		for range 1 + g.IntN(3) {
			g.must(unix.Setxattr(path, fmt.Sprintf("user.n%d", g.IntN(9)), g.bytes(g.IntN(200)), 0))
		}
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		mode := uint32(g.IntN(0o10000)) //nolint:gosec // twelve bits
		if !g.owners {                  // who is not root has to be able to read it
			mode |= 0o700
		}
		g.must(unix.Chmod(path, mode))
	}
	ts := unix.NsecToTimespec(g.Int64N(2e18) - 1e17)
	g.must(unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
}

// portrait is what a folder is, made without the code that is tested; holes says how many blocks of disk it takes.
func portrait(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	first := map[uint64]string{}
	assert.NilError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		line := fmt.Sprintf("%q mode %o owner %d:%d mtime %d.%d", name, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			sum := sha256.New()
			if _, err := io.Copy(sum, f); err != nil {
				return err
			}
			line += fmt.Sprintf(" size %d sum %x", st.Size, sum.Sum(nil))
		case unix.S_IFLNK:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" to %q", to)
		}
		if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if first[st.Ino] == "" {
				first[st.Ino] = name
			}
			line += fmt.Sprintf(" is %q", first[st.Ino])
		}
		buf := make([]byte, 1<<16)
		if n, err := unix.Llistxattr(path, buf); err == nil && n > 0 {
			names := strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00")
			slices.Sort(names)
			for _, x := range names {
				v := make([]byte, 1<<16)
				n, err := unix.Lgetxattr(path, x, v)
				if err != nil {
					return err
				}
				line += fmt.Sprintf(" %s=%x", x, v[:n])
			}
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// disk is how many bytes of disk a file takes.
func disk(t testing.TB, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	assert.NilError(t, unix.Lstat(path, &st))
	return st.Blocks * 512
}

// stored is what came of packing a folder.
type stored struct {
	*Contents
	text   []byte
	blocks []*Packed
	size   int
}

func packed(t testing.TB, dir string, o PackOptions) *stored {
	t.Helper()
	s := &stored{}
	o.Emit = func(p *Packed) error {
		s.blocks, s.size = append(s.blocks, p), s.size+p.Len()
		return nil
	}
	var err error
	s.Contents, err = Pack(context.Background(), dir, o)
	assert.NilError(t, err)
	s.text, err = s.Tree.Encode()
	assert.NilError(t, err)
	return s
}

// restore unpacks what was stored, from its text.
func restore(t testing.TB, dir string, s *stored, more ...*Packed) *Marked {
	t.Helper()
	tree, err := Decode(s.text)
	assert.NilError(t, err)
	u, err := NewUnpacker(dir, tree, false)
	assert.NilError(t, err)
	defer func() { assert.Check(t, u.Close()) }()
	for _, b := range append(slices.Clone(more), s.blocks...) {
		assert.NilError(t, u.Add(b))
	}
	m, err := u.Commit()
	assert.NilError(t, err)
	return m
}

// age makes files old enough to be remembered.
func age(t testing.TB, path string) {
	t.Helper()
	when := time.Now().Add(-time.Hour)
	assert.NilError(t, os.Chtimes(path, when, when))
}
