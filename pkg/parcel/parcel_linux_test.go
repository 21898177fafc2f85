package parcel

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// TestRoundTrip packs random trees and unpacks them: they are equal, and packing makes the same bytes again, there and here.
func TestRoundTrip(t *testing.T) {
	roundTrip(t, false)
}

func roundTrip(t *testing.T, owners bool) {
	t.Helper()
	for seed := range uint64(6) {
		dir, to := t.TempDir(), t.TempDir()
		g := newGrower(t, seed, dir)
		g.owners = owners
		g.grow(dir, 9)
		g.dress(dir)
		want := portrait(t, dir)
		first := packed(t, dir, PackOptions{})
		assert.Equal(t, len(first.Skipped), 0)
		restore(t, to, first)
		assert.DeepEqual(t, portrait(t, to), want)
		assert.DeepEqual(t, portrait(t, dir), want)

		again := packed(t, to, PackOptions{})
		assert.Assert(t, bytes.Equal(first.text, again.text), "seed %d", seed)
		assert.DeepEqual(t, stream(t, first), stream(t, again))
	}
}

// stream is what a file of the blocks has.
func stream(t *testing.T, s *stored) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, b := range s.blocks {
		n, err := b.WriteTo(&out)
		assert.NilError(t, err)
		assert.Equal(t, int(n), b.Len())
	}
	return out.Bytes()
}

// TestSparse has a file of 4 GB of which there are a few kilobytes.
func TestSparse(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	f, err := os.Create(filepath.Join(dir, "large"))
	assert.NilError(t, err)
	for _, at := range []int64{0, 1 << 30, 4<<30 - 5} {
		_, err := f.WriteAt([]byte("data!"), at)
		assert.NilError(t, err)
	}
	assert.NilError(t, f.Close())
	assert.NilError(t, os.Truncate(filepath.Join(dir, "large"), 4<<30+1))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "written zeros"), make([]byte, 1<<20), 0o600))
	s := packed(t, dir, PackOptions{})
	assert.Assert(t, s.Read < 1<<20, "%d bytes were read", s.Read)
	restore(t, to, s)
	assert.Assert(t, disk(t, filepath.Join(to, "large")) < 1<<20)
	info, err := os.Stat(filepath.Join(to, "large"))
	assert.NilError(t, err)
	assert.Equal(t, info.Size(), int64(4<<30+1))
	r, err := os.Open(filepath.Join(to, "large"))
	assert.NilError(t, err)
	defer r.Close()
	for _, at := range []int64{0, 1 << 30, 4<<30 - 5} {
		buf := make([]byte, 7)
		n, err := r.ReadAt(buf, at-min(at, 1))
		assert.Assert(t, err == nil || errors.Is(err, io.EOF))
		assert.Equal(t, strings.Trim(string(buf[:n]), "\x00"), "data!")
	}
}

// TestChange saves again after changes: only what changed is sent, and both together are the new folder.
func TestChange(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	g := newGrower(t, 1, dir)
	write := func(name string, data []byte) {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
		age(t, filepath.Join(dir, name))
	}
	large := make([]byte, 20<<20)
	_, _ = g.source.Read(large)
	write("large", large)
	for range 200 {
		write(g.name(), g.bytes(5000))
	}
	first := packed(t, dir, PackOptions{})
	known := map[Digest]bool{}
	for d := range first.Tree.Chunks() {
		known[d] = true
	}

	nothing := packed(t, dir, PackOptions{Known: known, Before: &first.Marked})
	assert.Equal(t, len(nothing.blocks), 0)
	assert.Equal(t, nothing.Read, int64(0))
	assert.Assert(t, bytes.Equal(nothing.text, first.text))

	write("large", append([]byte("three bytes are inserted, and 1 MB is cut out"), append(large[:5<<20:5<<20], large[6<<20:]...)...))
	write("new", g.bytes(10_000))
	second := packed(t, dir, PackOptions{Known: known, Before: &first.Marked})
	assert.Assert(t, second.size < 1<<20, "%d bytes are sent", second.size)
	restore(t, to, second, first.blocks...)
	assert.DeepEqual(t, portrait(t, to), portrait(t, dir))
}

// TestMarks changes files in ways that are easy to miss.
func TestMarks(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"content, with the time set back": func(path string) error {
			if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
				return err
			}
			age(t, path)
			return nil
		},
		"another file of its time and size": func(path string) error {
			if err := os.WriteFile(path+"2", []byte("other"), 0o600); err != nil {
				return err
			}
			age(t, path+"2")
			return os.Rename(path+"2", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, to := t.TempDir(), t.TempDir()
			path := filepath.Join(dir, "file")
			assert.NilError(t, os.WriteFile(path, []byte("first"), 0o600))
			age(t, path)
			s := packed(t, dir, PackOptions{})
			known := map[Digest]bool{}
			for d := range s.Tree.Chunks() {
				known[d] = true
			}
			m := restore(t, to, s)
			for _, at := range []string{dir, to} {
				before := &s.Marked
				if at == to {
					before = m
				}
				same := packed(t, at, PackOptions{Known: known, Before: before})
				assert.Equal(t, same.Read, int64(0))
				assert.NilError(t, change(filepath.Join(at, "file")))
				changed := packed(t, at, PackOptions{Known: known, Before: before})
				assert.Equal(t, changed.Read, int64(5))
				assert.Equal(t, len(changed.blocks), 1)
			}
		})
	}
	t.Run("a file that is young", func(t *testing.T) {
		dir := t.TempDir()
		assert.NilError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("first"), 0o600))
		s := packed(t, dir, PackOptions{})
		assert.Equal(t, s.Marks[1], Mark{})
	})
}

// TestNotEmpty leaves what is there, unless it is to be replaced.
func TestNotEmpty(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	assert.NilError(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "a/file"), []byte("new"), 0o600))
	s := packed(t, dir, PackOptions{})
	assert.NilError(t, os.Mkdir(filepath.Join(to, "a"), 0o500))
	assert.NilError(t, os.WriteFile(filepath.Join(to, "b"), []byte("old"), 0o600))
	before := portrait(t, to)
	_, err := NewUnpacker(to, s.Tree, false)
	assert.ErrorIs(t, err, ErrNotEmpty)
	assert.DeepEqual(t, portrait(t, to), before)

	u, err := NewUnpacker(to, s.Tree, true)
	assert.NilError(t, err)
	for _, b := range s.blocks {
		assert.NilError(t, u.Add(b))
	}
	_, err = u.Commit()
	assert.NilError(t, err)
	assert.DeepEqual(t, portrait(t, to), portrait(t, dir))
}

// TestInUse has a build begin to use a folder while it is restored.
func TestInUse(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	s := packed(t, dir, PackOptions{})
	for _, replace := range []bool{false, true} {
		u, err := NewUnpacker(to, s.Tree, replace)
		assert.NilError(t, err)
		for _, b := range s.blocks {
			assert.NilError(t, u.Add(b))
		}
		assert.NilError(t, os.WriteFile(filepath.Join(to, "b"), []byte("theirs"), 0o600))
		_, err = u.Commit()
		if replace {
			assert.NilError(t, err)
			assert.DeepEqual(t, portrait(t, to), portrait(t, dir))
			continue
		}
		assert.ErrorIs(t, err, ErrNotEmpty)
		assert.NilError(t, u.Close())
		assert.Assert(t, is.Len(portrait(t, to), 2))
		text, err := os.ReadFile(filepath.Join(to, "b"))
		assert.NilError(t, err)
		assert.Equal(t, string(text), "theirs")
		assert.NilError(t, os.Remove(filepath.Join(to, "b")))
	}
}

// TestKilled finds what a restore that was killed left, and removes it.
func TestKilled(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600))
	left := filepath.Join(to, temporary+"123")
	assert.NilError(t, os.MkdirAll(filepath.Join(left, "sub"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(left, "sub/half"), []byte("half"), 0o600))
	assert.NilError(t, os.Chmod(filepath.Join(left, "sub"), 0o500)) //nolint:gosec // as one that can't be written to
	empty := packed(t, to, PackOptions{})
	assert.Assert(t, empty.Tree.IsEmpty())
	restore(t, to, packed(t, dir, PackOptions{}))
	assert.DeepEqual(t, portrait(t, to), portrait(t, dir))
}

// TestDamage flips, cuts and swaps what is stored: it is an error, and nothing is there after it.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	g := newGrower(t, 3, dir)
	g.grow(dir, 9)
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "file"), g.bytes(3<<20), 0o600))
	s := packed(t, dir, PackOptions{})
	whole := stream(t, s)
	for range 60 {
		broken := bytes.Clone(whole)
		switch g.IntN(3) {
		case 0:
			broken[g.IntN(len(broken))] ^= byte(1 << g.IntN(8))
		case 1:
			broken = broken[:g.IntN(len(broken))]
		default:
			at := g.IntN(len(broken) - 100)
			copy(broken[at:], g.bytes(100))
		}
		if bytes.Equal(broken, whole) {
			continue
		}
		to := t.TempDir()
		err := unpackStream(s.text, broken, to)
		assert.ErrorIs(t, err, ErrDamaged)
		left, err := os.ReadDir(to)
		assert.NilError(t, err)
		assert.Equal(t, len(left), 0)
	}
	for range 60 {
		broken := bytes.Clone(s.text)
		broken[g.IntN(len(broken))] ^= byte(1 << g.IntN(8))
		if _, err := Decode(broken[:len(broken)-g.IntN(2)*g.IntN(len(broken))]); err == nil {
			t.Error("a tree with a bit that is wrong was read") // it has a checksum
		}
	}
}

func unpackStream(tree, blocks []byte, dir string) error {
	tr, err := Decode(tree)
	if err != nil {
		return err
	}
	u, err := NewUnpacker(dir, tr, false)
	if err != nil {
		return err
	}
	defer u.Close()
	r := bufio.NewReader(bytes.NewReader(blocks))
	for {
		b, err := ReadBlock(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.Add(b); err != nil {
			return err
		}
	}
	_, err = u.Commit()
	return err
}

// TestBadTrees are such as no folder can have been.
func TestBadTrees(t *testing.T) {
	root := Entry{Path: ".", Kind: Dir}
	for name, entries := range map[string][]Entry{
		"no root":          {{Path: "a", Kind: Dir}},
		"above":            {root, {Path: "../a", Kind: File}},
		"within and above": {root, {Path: "a", Kind: Dir}, {Path: "a/../../b", Kind: File}},
		"absolute":         {root, {Path: "/etc/passwd", Kind: File}},
		"through a link":   {root, {Path: "a", Kind: Symlink, Target: "/etc"}, {Path: "a/passwd", Kind: File}},
		"twice":            {root, {Path: "a", Kind: File}, {Path: "a", Kind: Dir}},
		"child first":      {root, {Path: "a/b", Kind: File}, {Path: "a", Kind: Dir}},
		"link to nothing":  {root, {Path: "a", Kind: Link, Target: "b"}},
		"link to a folder": {root, {Path: "a", Kind: Dir}, {Path: "b", Kind: Link, Target: "a"}},
		"link to above":    {root, {Path: "b", Kind: Link, Target: "../../etc/passwd"}},
		"size":             {root, {Path: "a", Kind: File, Size: 5}},
		"ours":             {root, {Path: temporary + "1", Kind: Dir}},
		"kind":             {root, {Path: "a", Kind: "socket"}},
		"NUL":              {root, {Path: "a\x00b", Kind: File}},
	} {
		text, err := (&Tree{Entries: entries}).Encode()
		assert.NilError(t, err)
		_, err = Decode(text)
		assert.ErrorIs(t, err, ErrDamaged, name)
	}
	text, err := (&Tree{Entries: []Entry{root, {Path: "a\xff", Kind: Symlink, Target: "/\xfe"}}}).Encode()
	assert.NilError(t, err)
	tree, err := Decode(text)
	assert.NilError(t, err)
	assert.Equal(t, tree.Entries[1].Path, Name("a\xff"))
	assert.Equal(t, tree.Entries[1].Target, Name("/\xfe"))
}

// TestBusy packs a folder that is written to, as a build does with a mount that it shares.
func TestBusy(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	stop, stopped := make(chan struct{}), make(chan struct{})
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "still"), []byte("still"), 0o600))
	assert.NilError(t, unix.Mknod(filepath.Join(dir, "socket"), unix.S_IFSOCK|0o600, 0))
	go func() {
		defer close(stopped)
		g := newGrower(t, 5, to)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := filepath.Join(dir, "n"+string(rune('a'+i%20)))
			if i%3 == 0 {
				_ = os.Remove(name)
				continue
			}
			f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err == nil {
				_, _ = f.Write(g.bytes(30_000))
				_ = f.Close()
			}
			runtime.Gosched()
		}
	}()
	for range 10 {
		s := packed(t, dir, PackOptions{})
		into := t.TempDir()
		restore(t, into, s)
		text, err := os.ReadFile(filepath.Join(into, "still"))
		assert.NilError(t, err)
		assert.Equal(t, string(text), "still")
		assert.Assert(t, is.Contains(s.Skipped, Name("socket")))
	}
	close(stop)
	<-stopped
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	newGrower(t, 1, dir).grow(dir, 12)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Pack(ctx, dir, PackOptions{Emit: func(*Packed) error { return nil }})
	assert.ErrorIs(t, err, context.Canceled)
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	_, err = Pack(ctx, dir, PackOptions{Emit: func(*Packed) error {
		cancel()
		return nil
	}})
	assert.ErrorIs(t, err, context.Canceled)
	_, err = Pack(context.Background(), dir, PackOptions{Emit: func(*Packed) error { return io.ErrShortWrite }})
	assert.ErrorIs(t, err, io.ErrShortWrite)
}
