package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// leg is what became of all mounts on one way.
type leg struct {
	all     []carried
	seconds float64
}

// count is of those that something became of, with their files.
func (l leg) count(result string) (mounts, files int, bytes int64) {
	for _, d := range l.all {
		if d.Result == result {
			mounts, files, bytes = mounts+1, files+d.Files, bytes+d.Bytes
		}
	}
	return mounts, files, bytes
}

func (l leg) has(result string) bool {
	return slices.ContainsFunc(l.all, func(d carried) bool { return d.Result == result })
}

// moved is how many bytes went over the network, or to and from a disk.
func (l leg) moved() (n int64) {
	for _, d := range l.all {
		n += d.Moved
	}
	return n
}

// sentence is what the mounts brought and what they cost; empty where they did neither.
func (r *roundTrip) sentence() string {
	parts := slices.DeleteFunc([]string{r.brought(), r.stored()}, func(s string) bool { return s == "" })
	return strings.Join(parts, "; ")
}

// brought is what came before the build.
func (r *roundTrip) brought() string {
	var parts []string
	if n, files, bytes := r.there.count(mountRestored); n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d restored from %s in %.1f s, %s with %s, %s fetched",
			n, len(r.there.all), r.depot.Name, r.there.seconds, counted(files, "file"), size(bytes), size(r.there.moved())))
	}
	if n, _, _ := r.there.count(mountKept); n > 0 {
		parts = append(parts, fmt.Sprintf("%d with something in them left alone", n))
	}
	if n, _, _ := r.there.count(mountBusy); n > 0 {
		parts = append(parts, fmt.Sprintf("%d in use by another build", n))
	}
	if n, _, _ := r.there.count(mountMissing); n > 0 && n == len(r.there.all) {
		parts = append(parts, "none stored yet")
	}
	return strings.Join(parts, ", ")
}

// stored is what went back after it.
func (r *roundTrip) stored() string {
	if r.unsaved != "" {
		return "not saved: " + r.unsaved
	}
	saved, _, _ := r.back.count(mountSaved)
	same, _, _ := r.back.count(mountUnchanged)
	busy, _, _ := r.back.count(mountBusy)
	var parts []string
	switch took := fmt.Sprintf(" in %.1f s", r.back.seconds); {
	case saved > 0:
		text := fmt.Sprintf("%d saved%s, %s stored", saved, took, size(r.back.moved()))
		if same > 0 {
			text += fmt.Sprintf(", %d as stored before", same)
		}
		parts = append(parts, text)
	case same > 0:
		parts = append(parts, fmt.Sprintf("%d as stored before, compared%s", same, took))
	case len(r.back.all) > 0 && busy == 0 && !r.back.has(failed):
		parts = append(parts, "nothing in them to save")
	}
	if busy > 0 {
		parts = append(parts, fmt.Sprintf("%d not saved, in use by another build", busy))
	}
	return strings.Join(parts, ", ")
}

// failedMounts say what went wrong, once for each reason.
func failedMounts(all []carried, what string) []string {
	var reasons []string
	ids := map[string][]string{}
	full := map[string]string{}
	for _, d := range all {
		if d.Error == "" {
			continue
		}
		line, _, _ := strings.Cut(d.Error, "\n")
		reason := line[strings.LastIndex(line, ": ")+1:]
		if ids[reason] == nil {
			reasons, full[reason] = append(reasons, reason), d.Error
		}
		ids[reason] = append(ids[reason], strconv.Quote(d.ID))
	}
	var out []string
	for _, reason := range reasons {
		subject := "cache mount " + ids[reason][0] + " is"
		if n := len(ids[reason]); n > 1 {
			subject = fmt.Sprintf("%d cache mounts (%s) are", n, strings.Join(ids[reason], ", "))
		}
		out = append(out, fmt.Sprintf("warning: %s not %s: %s", subject, what, full[reason]))
	}
	return out
}
