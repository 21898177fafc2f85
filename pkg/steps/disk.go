package steps

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/moby/buildkit/cache/contenthash"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Disk is the folders of this machine. The sums of files are kept in a folder, so that an unchanged file is read once.
type Disk struct {
	// store is where sums are kept; empty keeps none.
	store string
	now   time.Time
	mu    sync.Mutex
	known map[string]*sums
	// recent are files that changed after the disk was first looked at, by path.
	recent map[string]bool
}

// NewDisk keeps sums below store; empty keeps none.
func NewDisk(store string) *Disk {
	return &Disk{store: store, now: time.Now(), known: map[string]*sums{}, recent: map[string]bool{}}
}

// FS returns what lies below a folder.
func (d *Disk) FS(dir string) (fsutil.FS, error) { return fsutil.NewFS(dir) }

// young is how long after a change of a file its sums are not trusted later: a second change in the same tick of the file
// system's clock would not show. git calls such entries racy; FAT and some network file systems tick every two seconds.
const young = 2 * time.Second

// Sum returns the sums of a file, from what is known if the file is the same as then.
func (d *Disk) Sum(dir string, files fsutil.FS, stat *fstypes.Stat) (Sums, error) {
	s := d.of(dir)
	at, ok := statusOf(filepath.Join(dir, stat.Path))
	if ok && at.changed() >= d.now.UnixNano() {
		d.mu.Lock()
		d.recent[filepath.Join(dir, stat.Path)] = true
		d.mu.Unlock()
	}
	if ok {
		if of, known := s.get(stat.Path, at); known {
			return of, nil
		}
	}
	of, err := sumFile(files, stat)
	if err == nil && ok && at.changed() < d.now.Add(-young).UnixNano() {
		s.put(stat.Path, at, of)
	}
	return of, err
}

// Recent are the paths of files that were changed while they were looked at: whoever read them at the same time may have
// seen something else.
func (d *Disk) Recent() map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.recent)
}

// Close writes down what was learned. Losing it costs time only.
func (d *Disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for dir, s := range d.known {
		errs = append(errs, s.save(d.fileOf(dir)))
	}
	return errors.Join(errs...)
}

func (d *Disk) of(dir string) *sums {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.known[dir]
	if s == nil {
		s = loadSums(d.fileOf(dir))
		d.known[dir] = s
	}
	return s
}

func (d *Disk) fileOf(dir string) string {
	if d.store == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(d.store, hex.EncodeToString(sum[:12]))
}

// sumFile reads a file as BuildKit's receiver does.
func sumFile(files fsutil.FS, stat *fstypes.Stat) (Sums, error) {
	f, err := files.Open(stat.Path)
	if err != nil {
		return Sums{}, err
	}
	defer f.Close()
	whole, err := contenthash.NewFromStat(stat.CloneVT())
	if err != nil {
		return Sums{}, err
	}
	content := sha256.New()
	if _, err := io.Copy(io.MultiWriter(whole, content), f); err != nil {
		return Sums{}, err
	}
	return Sums{digest.NewDigest(digest.SHA256, whole), digest.NewDigest(digest.SHA256, content)}, nil
}

// sums are those of the files below one folder.
type sums struct {
	mu      sync.Mutex
	entries map[string]sumEntry
	changed bool
}

// sumEntry is what a file was when it was read.
type sumEntry struct {
	at            status
	file, content [sha256.Size]byte
	used          bool
}

func (s *sums) get(path string, at status) (Sums, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[path]
	if !ok || e.at != at {
		return Sums{}, false
	}
	if !e.used {
		e.used = true
		s.entries[path] = e
	}
	return Sums{digestOfSum(e.file), digestOfSum(e.content)}, true
}

func (s *sums) put(path string, at status, of Sums) {
	e := sumEntry{at: at, used: true}
	if !decode(of.File, &e.file) || !decode(of.Content, &e.content) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[path], s.changed = e, true
}

func digestOfSum(sum [sha256.Size]byte) digest.Digest {
	return digest.NewDigestFromBytes(digest.SHA256, sum[:])
}

func decode(d digest.Digest, into *[sha256.Size]byte) bool {
	n, err := hex.Decode(into[:], []byte(d.Encoded()))
	return err == nil && n == sha256.Size
}

// sumsMagic begins a file of sums; another one is not read.
const sumsMagic = "catmandu sums 1\n"

// loadSums reads what is known; what can't be read is not known.
func loadSums(file string) *sums {
	s := &sums{entries: map[string]sumEntry{}}
	if file == "" {
		return s
	}
	text, err := os.ReadFile(file)
	if err != nil || len(text) < len(sumsMagic)+sha256.Size || string(text[:len(sumsMagic)]) != sumsMagic {
		return s
	}
	end := len(text) - sha256.Size
	if sha256.Sum256(text[:end]) != [sha256.Size]byte(text[end:]) {
		return s
	}
	for rest := text[len(sumsMagic):end]; len(rest) > 2; {
		n := int(binary.LittleEndian.Uint16(rest))
		rest = rest[2:]
		if len(rest) < n+statusSize+2*sha256.Size {
			break
		}
		e := sumEntry{at: readStatus(rest[n:])}
		copy(e.file[:], rest[n+statusSize:])
		copy(e.content[:], rest[n+statusSize+sha256.Size:])
		s.entries[string(rest[:n])] = e
		rest = rest[n+statusSize+2*sha256.Size:]
	}
	return s
}

// save writes the sums beside the file and moves them there, so that whoever reads it has all of one or the other.
func (s *sums) save(file string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if file == "" || !s.changed {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(file), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	hash := sha256.New()
	w := bufio.NewWriter(io.MultiWriter(part, hash))
	_, _ = w.WriteString(sumsMagic)
	for path, e := range s.entries {
		// What nobody has asked for is of another view of the folder, or gone: it is kept while there is room.
		if len(path) > 1<<16-1 || !e.used && len(s.entries) > maxSums {
			continue
		}
		_, _ = w.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(path))))
		_, _ = w.WriteString(path)
		_, _ = w.Write(e.at.append(nil))
		_, _ = w.Write(e.file[:])
		_, _ = w.Write(e.content[:])
	}
	if err := w.Flush(); err != nil {
		return errors.Join(err, part.Close())
	}
	_, err = part.Write(hash.Sum(nil))
	if err := errors.Join(err, part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), file)
}

// maxSums is how many files of one folder are remembered beyond those in use.
const maxSums = 200_000
