package ledger

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestMade(t *testing.T) {
	start := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for seconds, want := range map[float64]bool{-1: false, -0.4: true, 0: true, 2: true, 4.9: true, 5.1: false} {
		r := Result{Status: Ran, Started: start, Seconds: 2}
		at := start.Add(time.Duration(seconds * float64(time.Second)))
		assert.Equal(t, r.Made(at), want, seconds)
		for _, status := range []string{Cached, Failed, Canceled} {
			r.Status = status
			assert.Assert(t, !r.Made(at))
		}
	}
}

func TestEnded(t *testing.T) {
	start := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
	for _, tc := range []struct {
		name  string
		steps []time.Time // a second each
		want  time.Time
	}{
		{"no steps", nil, at(60)},
		{"a step without a time", []time.Time{{}}, at(60)},
		{"steps within", []time.Time{at(10), at(2)}, at(60)},
		{"the builder's clock is behind", []time.Time{at(-98), at(-90)}, at(-38)},
		{"the builder's clock is ahead", []time.Time{at(102), at(120)}, at(162)},
		{"steps longer than the build", []time.Time{at(2), at(100)}, at(101)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := BuildRecord{Build: Build{Started: start, Seconds: 60}}
			for _, s := range tc.steps {
				b.Results = append(b.Results, StepRecord{Result: Result{Started: s, Seconds: 1, Status: Ran}})
			}
			assert.Equal(t, b.Ended(), tc.want)
		})
	}
}
