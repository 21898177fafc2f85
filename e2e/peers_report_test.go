//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// outcome is what a scenario took, round by round.
type outcome struct {
	scenario
	samples map[string][]sample // by peer
}

// ratio is a median of what was computed in each round, with the lowest and highest.
type ratio struct {
	median, low, high float64
	rounds            int
}

// median is that of the middle two when the number is even.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

func seconds(s sample) float64 { return s.seconds }

func megabytes(s sample) float64 { return s.megabytes }

func (o outcome) values(peer string, of func(sample) float64) []float64 {
	var v []float64
	for _, s := range o.samples[peer] {
		v = append(v, of(s))
	}
	return v
}

// to compares the plugin with a peer in each round: what disturbed a whole round is in both.
func (o outcome) to(peer string, of func(sample) float64) ratio {
	var v []float64
	theirs := o.values(peer, of)
	for i, ours := range o.values(plugin, of) {
		v = append(v, ours/theirs[i])
	}
	return ratio{median(v), slices.Min(v), slices.Max(v), len(v)}
}

// better is the peer with the lower median, of those that can do this.
func (o outcome) better() string {
	if len(o.samples[compose]) == 0 || median(o.values(bake, seconds)) < median(o.values(compose, seconds)) {
		return bake
	}
	return compose
}

const header = "                                                    seconds (median)            plugin ÷ better peer in each round    peak MB (median)\n" +
	"                                                    plugin  compose     bake    median (lowest to highest)   rounds   plugin  compose  bake"

// row is a line of the table.
func (o outcome) row() string {
	r := o.to(o.better(), seconds)
	var memory, times strings.Builder
	for _, p := range peers {
		if len(o.samples[p.name]) == 0 { // Compose always loads
			fmt.Fprintf(&times, " %8s", "cannot")
			fmt.Fprintf(&memory, " %7s", "")
			continue
		}
		fmt.Fprintf(&times, " %8.3f", median(o.values(p.name, seconds)))
		fmt.Fprintf(&memory, " %7.0f", median(o.values(p.name, megabytes)))
	}
	return fmt.Sprintf("%-50s%s   %6.3f (%.3f to %.3f) of %-8s%3d  %s",
		o.name, &times, r.median, r.low, r.high, o.better(), r.rounds, &memory)
}

// verdicts tells which bounds are met, and then all figures that are worse than a peer's.
func verdicts(all []outcome) string {
	var b, worse strings.Builder
	b.WriteString("\nbounds, of medians\n")
	verdict := func(name string, got, bound float64) {
		word := "met"
		if got > bound {
			word = fmt.Sprintf("MISSED by %.3f", got-bound)
		}
		fmt.Fprintf(&b, "%6.3f ≤ %-5.3g %-16s %s\n", got, bound, word, name)
	}
	for _, o := range all {
		verdict(o.name, o.to(o.better(), seconds).median, o.bound)
	}
	for _, o := range all {
		verdict("peak memory to bake's: "+o.name, o.to(bake, megabytes).median, 1)
		for _, p := range peers[1:] {
			if len(o.samples[p.name]) == 0 {
				continue
			}
			if r := o.to(p.name, seconds); r.median > 1 {
				fmt.Fprintf(&worse, "×%.2f (%.2f to %.2f) the time of %s: %s\n", r.median, r.low, r.high, p.name, o.name)
			}
			if r := o.to(p.name, megabytes); r.median > 1 {
				fmt.Fprintf(&worse, "×%.2f (%.2f to %.2f) the memory of %s: %s\n", r.median, r.low, r.high, p.name, o.name)
			}
		}
	}
	b.WriteString("\nworse than a peer\n")
	if worse.Len() == 0 {
		worse.WriteString("nothing\n")
	}
	return b.String() + worse.String()
}

func TestVerdicts(t *testing.T) {
	o := outcome{
		scenario: scenario{name: "an edit", load: true, bound: 0.4},
		samples: map[string][]sample{
			plugin:  {{1, 60}, {1, 60}, {3, 60}, {1, 60}},
			compose: {{2, 90}, {4, 90}, {4, 90}, {2, 90}},
			bake:    {{3, 50}, {8, 50}, {5, 50}, {9, 50}},
		},
	}
	if got, want := o.to(o.better(), seconds), (ratio{0.5, 0.25, 0.75, 4}); o.better() != compose || got != want {
		t.Errorf("to %s %v, want to compose %v", o.better(), got, want)
	}
	got := verdicts([]outcome{o})
	for _, want := range []string{
		" 0.500 ≤ 0.4   MISSED by 0.100  an edit\n",
		" 1.200 ≤ 1     MISSED by 0.200  peak memory to bake's: an edit\n",
		"worse than a peer\n×1.20 (1.20 to 1.20) the memory of bake: an edit\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	o.bound = 0.5
	delete(o.samples, bake)
	o.samples[bake] = o.samples[compose]
	got = verdicts([]outcome{o})
	if !strings.Contains(got, "met              an edit\n") || !strings.HasSuffix(got, "worse than a peer\nnothing\n") {
		t.Errorf("met bounds, and nothing worse:\n%s", got)
	}
}
