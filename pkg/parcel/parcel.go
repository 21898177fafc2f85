// Package parcel is the stored form of a folder: a tree that says what is in it, and blocks with the content of its files.
//
// The content is cut into chunks where it says so itself, so that a file that changed in one place shares the others with what it was.
// A chunk is known by its SHA-256 and verified by it before anything is written. The same folder makes the same bytes, whatever
// machine or file system it is on. The package reads and writes one folder, and knows of no builder and no registry.
package parcel

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is what an entry of a tree is.
type Kind string

// The kinds of entries. A link is a further name of another entry; sockets are nothing that can be kept.
const (
	Dir     Kind = "dir"
	File    Kind = "file"
	Link    Kind = "link"
	Symlink Kind = "symlink"
	Fifo    Kind = "fifo"
	Char    Kind = "char"
	Block   Kind = "block"
)

// Tree is what is in a folder: itself first, named ".", then what lies below it in the order of names.
type Tree struct {
	Entries []Entry
}

// Entry is one name in a tree.
type Entry struct {
	// Path is within the folder, with slashes.
	Path Name `json:"path"`
	Kind Kind `json:"kind"`
	// Mode has the twelve bits of chmod.
	Mode uint32 `json:"mode"`
	UID  uint32 `json:"uid,omitempty"`
	GID  uint32 `json:"gid,omitempty"`
	// Time is when the content changed last: seconds since 1970, and nanoseconds.
	Time [2]int64 `json:"time"`
	// Target is where a symbolic link leads, or the first name of what a link is another name of.
	Target Name    `json:"target,omitzero"`
	Device uint64  `json:"device,omitempty"`
	Xattrs []Xattr `json:"xattrs,omitempty"`
	Size   int64   `json:"size,omitempty"`
	// Pieces are the content of a file, one after the other.
	Pieces []Piece `json:"pieces,omitempty"`
}

// Xattr is an extended attribute.
type Xattr struct {
	Name  Name   `json:"name"`
	Value []byte `json:"value"`
}

// Digest is the SHA-256 of a chunk.
type Digest [sha256.Size]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Piece is a chunk, or a hole: so many zeros.
type Piece struct {
	// Chunk is zero for a hole.
	Chunk Digest
	Size  int64
}

// IsHole tells whether there is nothing to write.
func (p Piece) IsHole() bool { return p.Chunk == Digest{} }

// MarshalText writes DIGEST:SIZE, for a hole without the digest.
func (p Piece) MarshalText() ([]byte, error) {
	text := ""
	if !p.IsHole() {
		text = p.Chunk.String()
	}
	return []byte(text + ":" + strconv.FormatInt(p.Size, 10)), nil
}

// UnmarshalText reads what MarshalText writes.
func (p *Piece) UnmarshalText(text []byte) error {
	sum, size, ok := strings.Cut(string(text), ":")
	n, err := strconv.ParseInt(size, 10, 64)
	if !ok || err != nil || n <= 0 {
		return fmt.Errorf("%q: must be DIGEST:SIZE", text)
	}
	*p = Piece{Size: n}
	if sum == "" {
		return nil
	}
	if len(sum) != hex.EncodedLen(len(p.Chunk)) || n > maxChunk {
		return fmt.Errorf("%q: must be DIGEST:SIZE", text)
	}
	_, err = hex.Decode(p.Chunk[:], []byte(sum))
	return err
}

// Name is a file name, which may be any bytes.
type Name string

// MarshalJSON writes a name that is no UTF-8 as an object.
func (n Name) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(n)) {
		return json.Marshal(string(n))
	}
	return json.Marshal(rawName{[]byte(n)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Name) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		var raw rawName
		err := json.Unmarshal(text, &raw)
		*n = Name(raw.Base64)
		return err
	}
	return json.Unmarshal(text, (*string)(n))
}

type rawName struct {
	Base64 []byte `json:"base64"`
}

// Sum is what a tree weighs.
type Sum struct {
	// Files are names of files, Bytes what is in them without holes, each content counted as often as it is there.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Sum adds a tree up.
func (t *Tree) Sum() Sum {
	var s Sum
	for _, e := range t.Entries {
		if e.Kind == File || e.Kind == Link {
			s.Files++
		}
		for _, p := range e.Pieces {
			if !p.IsHole() {
				s.Bytes += p.Size
			}
		}
	}
	return s
}

// Chunks are all of a tree.
func (t *Tree) Chunks() map[Digest]int64 {
	out := map[Digest]int64{}
	for _, e := range t.Entries {
		for _, p := range e.Pieces {
			if !p.IsHole() {
				out[p.Chunk] = p.Size
			}
		}
	}
	return out
}

// IsEmpty tells whether nothing is in the folder.
func (t *Tree) IsEmpty() bool { return len(t.Entries) <= 1 }

// ErrDamaged says that something stored is not what was stored.
var ErrDamaged = errors.New("damaged")
