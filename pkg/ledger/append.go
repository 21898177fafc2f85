package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"
)

// patience is how long Append waits for other writers: one that is stopped must not stop all builds.
const patience = 10 * time.Second

// Append adds a build and what its steps did, in one write. Steps need Takes only where Knows says no. When it makes room and
// fails in that, the build is written all the same.
//
// It does not wait for the disk: a power cut may cost the last builds, which is cheap, while each build would pay for fsync.
// What a power cut leaves at the end, a part of a line or zeros, the next Append removes.
func (l *Ledger) Append(b Build, results []Result) error {
	a, err := encode(b, results)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()

	if err := l.store(results); err != nil {
		return err
	}
	old, added, err := l.write(a)
	if err != nil {
		return err
	}
	if int64(len(old)+len(added)) <= l.maxSize {
		return nil
	}
	if err := l.compact(slices.Concat(old, added)); err != nil {
		return fmt.Errorf("compact %s: %w", l.path(), err)
	}
	return nil
}

func (l *Ledger) lock() (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	lock := flock.New(filepath.Join(l.dir, "ledger.lock"), flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 2*time.Millisecond); err != nil {
		_ = lock.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%s: another process has held it for %s", lock.Path(), patience)
		}
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}

// write appends to the file, whose lock is held. It returns what was there and what it wrote.
func (l *Ledger) write(a *addition) (old, added []byte, err error) {
	f, err := os.OpenFile(l.path(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return nil, nil, err
	}
	// A line without an end is of a writer that died: nobody was told that it is written.
	old = text[:bytes.LastIndexByte(text, '\n')+1]
	if len(old) < len(text) {
		if err := f.Truncate(int64(len(old))); err != nil {
			return nil, nil, err
		}
	}
	added = a.without(definitions(old))
	if _, err := f.Write(added); err != nil {
		return nil, nil, errors.Join(err, f.Truncate(int64(len(old))))
	}
	return old, added, f.Close()
}

// definitions returns the ids of those that text has. This takes some 10 ms for the largest file, which is why it is not
// remembered anywhere.
func definitions(text []byte) map[string]bool {
	ids := map[string]bool{}
	for line := range bytes.Lines(text) {
		if id, _, ok := defined(bytes.TrimSuffix(line, []byte("\n"))); ok {
			ids[id] = true
		}
	}
	return ids
}

// addition is one build in the form of lines.
type addition struct {
	ids         []string
	definitions map[string][]byte // by id
	lines       []byte            // all the others
}

func encode(b Build, results []Result) (*addition, error) {
	if b.ID == "" {
		b.ID = rand.Text()
	}
	if b.Targets == nil {
		b.Targets = []Target{}
	}
	b.Started = b.Started.UTC()
	a := &addition{definitions: map[string][]byte{}}
	for _, r := range results {
		description, line := split(r)
		id, text, err := define(description)
		if err != nil {
			return nil, err
		}
		if a.definitions[id] == nil {
			a.ids, a.definitions[id] = append(a.ids, id), text
		}
		line.Build, line.Definition = b.ID, id
		if err := a.add(line); err != nil {
			return nil, err
		}
	}
	return a, a.add(buildLine{header: header{"build", version}, Build: b, Steps: len(results)})
}

func (a *addition) add(line any) error {
	text, err := marshal(line)
	a.lines = append(append(a.lines, text...), '\n')
	return err
}

// without returns the lines less the definitions that are known.
func (a *addition) without(known map[string]bool) []byte {
	var text []byte
	for _, id := range a.ids {
		if !known[id] {
			text = append(append(text, a.definitions[id]...), '\n')
		}
	}
	return append(text, a.lines...)
}
