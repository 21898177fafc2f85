package session

import (
	"fmt"
	"slices"
)

// ImagesOf returns the images of a version.
func (s *Session) ImagesOf(version string) []Image {
	var all []Image
	for _, i := range s.Images {
		if i.Version == version {
			all = append(all, i)
		}
	}
	return all
}

// Sizes compares what images weigh, and does not look at their versions. Stages explain; only the images of services gate. What is exact needs no fresh runs: it is
// confirmed.
func (e Effects) Sizes(head, base []Image) []Result {
	all := []Result{}
	before, now := map[imageKey]Image{}, map[imageKey]bool{}
	for _, b := range base {
		before[keyOf(b)] = b
	}
	for _, h := range head {
		if k := keyOf(h); !now[k] {
			now[k] = true
			b, ok := before[k]
			all = append(all, e.size(h, b, ok))
		}
	}
	for _, b := range base {
		if k := keyOf(b); !now[k] {
			now[k] = true
			r := sizeResult(b)
			r.Base, r.Verdict = float64(b.Bytes), Gone
			all = append(all, r)
		}
	}
	return all
}

// imageKey is what one image has in common with itself in another version.
type imageKey struct{ service, kind, stage, platform string }

func keyOf(i Image) imageKey { return imageKey{i.Service, i.Kind, i.Stage, i.Platform} }

func sizeResult(i Image) Result {
	return Result{Service: i.Service, Kind: i.Kind, Stage: i.Stage, Platform: i.Platform, Metric: Size}
}

func (e Effects) size(head, base Image, known bool) Result {
	r := sizeResult(head)
	r.Head = float64(head.Bytes)
	if !known {
		r.Verdict = New
		return r
	}
	r.Base, r.Gate = float64(base.Bytes), head.Final
	r.Ratio = quotient(r.Head, r.Base)
	r.Lo, r.Hi = r.Ratio, r.Ratio
	r.Verdict = map[int]string{-1: Faster, 0: Same, 1: Slower}[e.sign(Size, r.Head, r.Base)]
	r.Confirmed = r.Gate && r.Verdict == Slower
	return r
}

// sizes compares the images of a session with those of earlier ones, by their start. Where both are of one revision, a difference
// says nothing of a change.
func (r Rules) sizes(head *Session, past []*Session) []Result {
	if len(head.ImagesOf(Head)) == 0 { // it weighed none
		return nil
	}
	before, of := newestImages(head, past)
	all := r.Effects.Sizes(head.ImagesOf(Head), before)
	for i := range all {
		a := &all[i]
		base := of[imageKey{a.Service, a.Kind, a.Stage, a.Platform}]
		if (a.Verdict == Slower || a.Verdict == Faster) && sameSource(head, base) {
			a.Verdict, a.Gate, a.Confirmed = CannotTell, false, false
			a.Why = fmt.Sprintf("not reproducible: %.7s has it in two sizes", revision(head))
		}
	}
	return all
}

// sameSource tells that two sessions measured the same revision and nothing else.
func sameSource(a, b *Session) bool {
	return revision(a) != "" && revision(a) == revision(b) && !a.VCS.Dirty && !b.VCS.Dirty
}

// newestImages returns each image as the last session had it, and which that is. Only the last one can miss an image: earlier ones
// may have had others.
func newestImages(head *Session, past []*Session) ([]Image, map[imageKey]*Session) {
	now := map[imageKey]bool{}
	for _, h := range head.ImagesOf(Head) {
		now[keyOf(h)] = true
	}
	var all []Image
	of := map[imageKey]*Session{}
	for i, p := range slices.Backward(past) {
		for _, b := range p.ImagesOf(Head) {
			k := keyOf(b)
			wanted := now[k] || i == len(past)-1 && head.Settings.ask(b.Service, b.Kind, "")
			if of[k] == nil && wanted {
				of[k] = p
				all = append(all, b)
			}
		}
	}
	return all, of
}
