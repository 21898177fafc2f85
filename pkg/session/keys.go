package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Seal fills what follows from the rest: the schema, the keys, and empty lists in place of absent ones.
func (s *Session) Seal() {
	s.Schema = Schema
	if s.Tool.Method == "" {
		s.Tool.Method = Method
	}
	s.Started, s.Ended = s.Started.UTC(), s.Ended.UTC()
	s.Machine.Key = digest(s.Machine.fields())
	s.Builder.Key = digest(s.Builder.fields())
	s.Settings.Key = digest(append([]field{{"method", s.Tool.Method}}, s.Settings.fields()...))
	s.complete()
}

// field is a line of the list that a key is a digest of. Its name is for people: it says what differs.
type field struct{ name, value string }

// digest is short, for a project has few machines and settings.
func digest(fields []field) string {
	h := sha256.New()
	for _, f := range fields {
		fmt.Fprintf(h, "%q %q\n", f.name, f.value)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

func (m Machine) fields() []field {
	major, _, _ := strings.Cut(m.Kernel, ".")
	memory := ""
	if m.MemoryGiB > 0 {
		memory = fmt.Sprintf("%d GiB", m.MemoryGiB)
	}
	cpus := ""
	if m.CPUs > 0 {
		cpus = strconv.Itoa(m.CPUs)
	}
	return []field{
		{"OS", known(m.OS)},
		{"architecture", known(m.Arch)},
		{"CPU model", known(m.CPUModel)},
		{"CPUs", known(cpus)},
		{"memory", known(memory)},
		{"kernel", known(major)},
		{"virtualisation", known(m.Virt)},
	}
}

// cpuSeconds is the field of a builder that only CPU seconds depend on.
const cpuSeconds = "CPU seconds"

// The name of a builder is not among them: one that is made for a session has another each time.
func (b Builder) fields() []field {
	return []field{
		{"BuildKit", known(minor(b.BuildKit))},
		{"driver", known(b.Driver)},
		{"isolation", known(b.Isolation)},
		{"snapshotter", known(b.Snapshotter)},
		{cpuSeconds, known(b.CPU)},
	}
}

// Runs and Seed are not among them: they change how well a number is known, not what it means.
func (s Settings) fields() []field {
	fields := append(s.common(),
		field{"scenarios", list(s.Scenarios)},
		field{"kinds", list(s.Kinds)},
		field{"services", list(s.Services)},
	)
	for _, c := range slices.Sorted(maps.Keys(s.Edits)) {
		fields = append(fields, field{"edits of " + c, list(s.Edits[c])})
	}
	return fields
}

// common are the settings that every number depends on.
func (s Settings) common() []field {
	return []field{{"platforms", list(s.Platforms)}, {"cache imports", list(s.CacheFrom)}}
}

func known(value string) string {
	if value == "" {
		return "unknown"
	}
	return value
}

// list is without order, for a plan may change it.
func list(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(slices.Values(values)), ", ")
}

var versionStart = regexp.MustCompile(`^v?(\d+\.\d+)(\D|$)`)

// minor returns the first two numbers of a version, and what is no version as it is: that of a commit.
func minor(version string) string {
	if m := versionStart.FindStringSubmatch(version); m != nil {
		return m[1]
	}
	return version
}

// crockford are the digits of an identifier: their order is that of their bytes, and none looks like another.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewID returns a ULID: 48 bits of time and 80 of chance in 26 digits, which sort by the time.
func NewID(t time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // never fails
	low := binary.BigEndian.Uint64(b[8:])
	high := uint64(t.UnixMilli())<<16 | uint64(binary.BigEndian.Uint16(b[6:]))
	var id [26]byte
	for i := range slices.Backward(id[:]) {
		id[i] = crockford[low&31]
		low, high = low>>5|high<<59, high>>5
	}
	return string(id[:])
}

// idTime is the time that an identifier was made for.
func idTime(id string) (time.Time, bool) {
	if len(id) != 26 {
		return time.Time{}, false
	}
	var ms int64
	for i := range len(id) {
		digit := strings.IndexByte(crockford, id[i])
		if digit < 0 {
			return time.Time{}, false
		}
		if i < 10 {
			ms = ms<<5 | int64(digit)
		}
	}
	return time.UnixMilli(ms).UTC(), true
}
