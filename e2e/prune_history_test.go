//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPruneHistories has three projects, a stranger and somebody by hand edit, build, go back and prune on two BuildKits, of
// which one is never pruned, and compares what every build does on both. What is freed is held against what a third one has
// that only built what is current.
//
// PRUNE_HISTORIES is how many histories there are, PRUNE_SEED the first one's seed: the others' follow. With PRUNE_EVENTS all that
// happens is printed, and not only where something is wrong.
func TestPruneHistories(t *testing.T) {
	histories, seed := uint64(6), uint64(1)
	for name, value := range map[string]*uint64{"PRUNE_HISTORIES": &histories, "PRUNE_SEED": &seed} {
		if text := os.Getenv(name); text != "" {
			var err error
			*value, err = strconv.ParseUint(text, 10, 64)
			check(t, err)
		}
	}
	check(t, pushBases())
	began := time.Now()
	var all tally
	slots := make(chan struct{}, 2) // Two keep BuildKit and two CPUs busy.
	var wait sync.WaitGroup
	for n := range histories {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			h, err := newHistory(seed + n)
			if err == nil {
				err = errors.Join(h.happen(), h.close())
			}
			if errors.Is(err, errMachine) {
				t.Logf("PRUNE_SEED=%d was given up: %v", seed+n, err)
				all.abandon()
				return
			}
			if err != nil {
				t.Errorf("PRUNE_SEED=%d PRUNE_HISTORIES=1: %v", seed+n, err)
			}
			if h == nil {
				return
			}
			t.Log(all.add(h))
			if os.Getenv("PRUNE_EVENTS") != "" || isPoor(h) {
				t.Log(strings.Join(h.events, "\n"))
			}
		})
	}
	wait.Wait()
	t.Logf("%s, in %.0f s", &all, time.Since(began).Seconds())
	if all.share() < enough {
		t.Errorf("freed %.1f %% of what nobody needs", 100*all.share())
	}
	if all.abandoned > 1+int(histories)/20 {
		t.Errorf("%d histories were given up", all.abandoned)
	}
	if all.again == 0 && histories > 20 || all.garbage() == 0 || all.compared == 0 {
		t.Error("that was no test")
	}
}

// enough is how much of what nobody needs has to go.
const enough = 0.95

// pushBases pushes the images that projects build on.
func pushBases() error {
	w := truthWorld()
	below, err := w.busybox()
	if err != nil {
		return err
	}
	for n := imageBases; n <= lastBase; n++ {
		l := newLayer()
		l.text("base", fmt.Sprint("base ", n))
		top, err := l.close()
		if err == nil {
			err = w.push(baseImage(n), runConfig{Cmd: []string{"sh"}}, below, top)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tally is what was counted.
type tally struct {
	mu                   sync.Mutex
	histories, abandoned int
	counts
	measured []measured
}

// counts are of one history or of all.
type counts struct {
	builds, prunes, compared int
	// again are steps that ran again after those who had them pruned them.
	again int
	// watched are records of unknown origin that were there at a prune.
	watched int
}

func (c *counts) add(d counts) {
	c.builds, c.prunes, c.compared, c.again, c.watched = c.builds+d.builds, c.prunes+d.prunes, c.compared+d.compared, c.again+d.again, c.watched+d.watched
}

func (a *tally) abandon() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.abandoned++
}

func (a *tally) add(h *history) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.histories++
	a.counts.add(h.counts)
	a.measured = append(a.measured, h.measured...)
	one := tally{histories: 1, counts: h.counts, measured: h.measured}
	return fmt.Sprintf("seed %d: %s", h.seed, &one)
}

// isPoor tells whether too little was freed in a history.
func isPoor(h *history) bool {
	return slices.ContainsFunc(h.measured, func(m measured) bool { return m.share() < enough })
}

func (a *tally) garbage() (total int64) {
	for _, m := range a.measured {
		total += m.garbage()
	}
	return total
}

func (a *tally) share() float64 {
	var freed int64
	for _, m := range a.measured {
		freed += m.freed()
	}
	return float64(freed) / float64(max(1, a.garbage()))
}

func (a *tally) String() string {
	worst := 1.0
	for _, m := range a.measured {
		worst = min(worst, m.share())
	}
	return fmt.Sprintf("%d histories, %d builds on both, %d prunes, %d logs compared, %d steps again after their last owner pruned, "+
		"%d times a record of unknown origin stayed; freed %.1f %% of %d bytes, at worst %.1f %%", a.histories, a.builds, a.prunes, a.compared, a.again, a.watched, 100*a.share(), a.garbage(), 100*worst)
}
