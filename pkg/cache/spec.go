package cache

import (
	"encoding/csv"
	"maps"
	"slices"
	"strings"
)

// spec is a cache entry as BuildKit takes it, taken apart.
type spec struct {
	kind  Backend
	attrs map[string]string
}

// parse reads an entry of a plan. ok is false for one that is not understood, which is left as it is.
func parse(entry string) (s spec, ok bool) {
	fields, err := csv.NewReader(strings.NewReader(entry)).Read()
	if err != nil {
		return spec{}, false
	}
	s.attrs = map[string]string{}
	for _, f := range fields {
		key, value, found := strings.Cut(f, "=")
		if !found {
			return spec{}, false
		}
		if key = strings.ToLower(strings.TrimSpace(key)); key == "type" {
			s.kind = Backend(value)
		} else {
			s.attrs[key] = value
		}
	}
	return s, s.kind != ""
}

// first are the attributes that come first, for the reader's sake.
var first = []string{"ref", "src", "dest", "scope", "bucket", "account_url", "name"}

// String is the entry in the words of --cache-from.
func (s spec) String() string {
	fields := []string{"type=" + string(s.kind)}
	for _, key := range first {
		if value, ok := s.attrs[key]; ok {
			fields = append(fields, key+"="+value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.attrs)) {
		if !slices.Contains(first, key) {
			fields = append(fields, key+"="+s.attrs[key])
		}
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(fields) // into memory
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// with is the entry with some attributes set; those that are empty are removed.
func (s spec) with(attrs map[string]string) spec {
	out := spec{s.kind, maps.Clone(s.attrs)}
	for key, value := range attrs {
		if value == "" {
			delete(out.attrs, key)
		} else {
			out.attrs[key] = value
		}
	}
	return out
}

// LocalSource is the folder that an import of type local reads; empty for all else.
func LocalSource(entry string) string {
	if s, ok := parse(entry); ok && s.kind == Local {
		return s.attrs["src"]
	}
	return ""
}
