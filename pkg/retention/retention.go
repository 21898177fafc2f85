// Package retention says what a builder's rules of garbage collection mean for a project: whether they leave what its builds
// need, and whether they are what was probably meant.
//
// It is pure, and knows the rules as BuildKit carries them out, one after the other, each against the size of the whole cache.
package retention

import (
	"strings"
	"time"
)

// Rule is a rule of garbage collection in BuildKit's words.
type Rule struct {
	// Filters are those that a record must match, one of them; none is any.
	Filters []string
	// All says that it also holds for what BuildKit keeps for itself.
	All bool
	// KeepDuration is for how long a record must not have been used; 0 is any.
	KeepDuration time.Duration
	// Sizes in bytes; 0 is not set.
	ReservedSpace, MaxUsedSpace, MinFreeSpace int64
}

// Record is a part of a cache.
type Record struct {
	// Type is BuildKit's word.
	Type string
	// Size is what it takes, in bytes.
	Size int64
	// Idle is how long nobody used it.
	Idle time.Duration
	// Needed says that a current target of the project needs it.
	Needed bool
}

// Types of records that rules name, in BuildKit's words.
const (
	regular = "regular"
	mount   = "exec.cachemount"
	local   = "source.local"
	git     = "source.git.checkout"
)

// of tells whether a rule holds for records of a type, as far as its filters can be read.
func (r *Rule) of(kind string) bool {
	if len(r.Filters) == 0 {
		return true
	}
	for _, f := range r.Filters {
		all := true
		for part := range strings.SplitSeq(f, ",") {
			all = all && matches(strings.TrimSpace(part), kind)
		}
		if all {
			return true
		}
	}
	return false
}

func matches(condition, kind string) bool {
	if value, ok := strings.CutPrefix(condition, "type=="); ok {
		return strings.Trim(value, `"`) == kind
	}
	if value, ok := strings.CutPrefix(condition, "type!="); ok {
		return strings.Trim(value, `"`) != kind
	}
	return false
}

// limit is the size of the whole cache above which a rule removes records. What has none holds at any size, or only when the disk
// is nearly full.
func (r *Rule) limit() (bytes int64, limited bool) {
	if r.MaxUsedSpace == 0 && (r.ReservedSpace == 0 || r.MinFreeSpace > 0) {
		return 0, false
	}
	return max(r.MaxUsedSpace, r.ReservedSpace), true
}

// byAge tells whether a rule holds at any size.
func (r *Rule) byAge() bool {
	return r.MaxUsedSpace == 0 && r.ReservedSpace == 0 && r.MinFreeSpace == 0
}

// strictest is the smallest limit for results of steps that were just used.
func strictest(rules []Rule) (bytes int64, limited bool) {
	for i := range rules {
		r := &rules[i]
		if n, ok := r.limit(); ok && r.KeepDuration == 0 && r.of(regular) && (!limited || n < bytes) {
			bytes, limited = n, true
		}
	}
	return bytes, limited
}
