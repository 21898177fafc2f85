package ledger

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// grace is how long a side file stays that no line names: a reader may have read the lines that did.
const grace = time.Hour

const listSuffix = ".json.gz"

func (l *Ledger) lists() string             { return filepath.Join(l.dir, "files") }
func (l *Ledger) listPath(id string) string { return filepath.Join(l.lists(), id+listSuffix) }

// listID is of what a step does and of the content of its files, which makes their list. The digest of the content alone
// would not do: it is the same for two files that differ in name only. It is empty when the step takes none.
func listID(s steps.Step) string {
	if s.Files == "" || s.Self == "" {
		return ""
	}
	return sum([]byte("2\n" + s.Self + "\n" + s.Files)) // another number when steps.File gets fields
}

// Knows says whether the ledger has the list of files of a step, so that Append needs no Takes.
func (l *Ledger) Knows(s steps.Step) bool {
	id := listID(s)
	return id == "" || sound(l.listPath(id))
}

// Files returns the local files that the step took, nil when they are not known any more.
func (l *Ledger) Files(r StepRecord) ([]steps.File, error) {
	id := listID(r.Step)
	if id == "" {
		return nil, nil
	}
	packed, err := os.ReadFile(l.listPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []steps.File
	if unpack(packed, &files) != nil {
		return nil, nil // broken is as good as lost
	}
	return files, nil
}

func unpack(packed []byte, files *[]steps.File) error {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	list, err := io.ReadAll(z) // up to its checksum, which a decoder would not read
	if err != nil {
		return err
	}
	return json.Unmarshal(list, files)
}

// store writes the lists that are not there yet. The lock is held. Of files that changed meanwhile the list may be another
// than that of the digest.
func (l *Ledger) store(results []Result) error {
	need, written := map[string]bool{}, false
	for _, r := range results {
		id := listID(r.Step)
		if id == "" || need[id] {
			continue
		}
		if sound(l.listPath(id)) {
			now := time.Now()
			_ = os.Chtimes(l.listPath(id), now, now) // the limit takes those first that were long not used
			need[id] = true
			continue
		}
		if r.Step.Takes == nil || r.Unsure {
			continue
		}
		if err := pack(l.listPath(id), r.Step.Takes); err != nil {
			return err
		}
		need[id], written = true, true
	}
	if !written {
		return nil
	}
	return l.limitLists(need)
}

// pack replaces a file as a whole.
func pack(path string, files []steps.File) error {
	list, err := marshal(files)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(list); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(path), "new") // one at a time, and none is left for ever
	if err := os.WriteFile(tmp, b.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// sound says whether the file begins and ends as one does. After a power cut it may be empty, or zeros.
func sound(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var start, end [2]byte
	if _, err := io.ReadFull(f, start[:]); err != nil {
		return false
	}
	if _, err := f.Seek(-4, io.SeekEnd); err != nil { // the size of the text
		return false
	}
	_, err = io.ReadFull(f, end[:])
	return err == nil && start == [2]byte{0x1f, 0x8b} && end != [2]byte{}
}

// limitLists removes the side files that were not used for longest, but none of those in need.
func (l *Ledger) limitLists(need map[string]bool) error {
	infos, err := l.listInfos()
	if err != nil {
		return err
	}
	var total int64
	for _, info := range infos {
		total += info.Size()
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range infos {
		if total <= l.maxFiles {
			break
		}
		if need[strings.TrimSuffix(info.Name(), listSuffix)] {
			continue
		}
		if os.Remove(filepath.Join(l.lists(), info.Name())) == nil {
			total -= info.Size()
		}
	}
	return nil
}

// sweepLists removes the side files that are not needed.
func (l *Ledger) sweepLists(needed func(id string) bool) error {
	infos, err := l.listInfos()
	for _, info := range infos {
		if !needed(strings.TrimSuffix(info.Name(), listSuffix)) && time.Since(info.ModTime()) > grace {
			_ = os.Remove(filepath.Join(l.lists(), info.Name())) // the next time, then
		}
	}
	return err
}

func (l *Ledger) listInfos() ([]fs.FileInfo, error) {
	entries, err := os.ReadDir(l.lists())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), listSuffix) {
			infos = append(infos, info)
		}
	}
	return infos, err
}
