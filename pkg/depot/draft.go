package depot

import (
	"crypto/sha256"
	"errors"
	"hash"
	"os"

	"github.com/opencontainers/go-digest"
)

// draft is a blob that is being written, in a file.
type draft struct {
	file *os.File
	sum  hash.Hash
}

func newDraft(dir string) (draft, error) {
	f, err := os.CreateTemp(dir, "draft-")
	return draft{f, sha256.New()}, err
}

// Write adds to it.
func (d draft) Write(b []byte) (int, error) {
	n, err := d.file.Write(b)
	d.sum.Write(b[:n])
	return n, err
}

func (d draft) digest() digest.Digest { return digest.NewDigest(digest.SHA256, d.sum) }

// discard removes the file, if it is there still.
func (d draft) discard() error {
	err := d.file.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	if removed := os.Remove(d.file.Name()); !errors.Is(removed, os.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}
