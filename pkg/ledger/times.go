package ledger

import "time"

// A cache record is made while its step is at work. Steps wait in between for others, which their seconds don't have in them.
const (
	madeBefore = time.Second / 2
	madeAfter  = 3 * time.Second
)

// Made tells whether a cache record from that time may be what the step made: only one that ran made any.
func (r *Result) Made(at time.Time) bool {
	return r.Status == Ran && at.After(r.Started.Add(-madeBefore)) && at.Before(r.ended().Add(madeAfter))
}

func (r *Result) ended() time.Time { return r.Started.Add(seconds(r.Seconds)) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Ended is when the build was over by the builder's clock, which made the times of the steps. That of the build itself is
// by the clock of this machine: where steps lie outside of it, the clocks differ, and it began with the first step.
func (b *BuildRecord) Ended() time.Time {
	var first, last time.Time
	for i := range b.Results {
		r := &b.Results[i]
		if r.Started.IsZero() {
			continue
		}
		if first.IsZero() || r.Started.Before(first) {
			first = r.Started
		}
		if end := r.ended(); end.After(last) {
			last = end
		}
	}
	end := b.Started.Add(seconds(b.Seconds))
	if !first.IsZero() && (first.Before(b.Started) || last.After(end)) {
		end = first.Add(seconds(b.Seconds))
	}
	if last.After(end) {
		return last
	}
	return end
}
