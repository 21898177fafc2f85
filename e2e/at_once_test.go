//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAtOnce lets two plugins build the same project into the same engine at the same time, twenty times: one for
// development and one for production with layers in common, or both the same. Each must end, and be right.
func TestAtOnce(t *testing.T) {
	for _, kind := range []string{graphDriver, containerdStore} {
		t.Run(kind, func(t *testing.T) {
			s := newSequence(t, "o"+kind[:1], kind, 1)
			for round := range 20 {
				kinds := [][]string{{"dev", "prod"}, {"prod", "prod"}}[round%2]
				switch round % 5 {
				case 3: // both find all there
				case 4:
					s.removeImages(s.tagged())
				default:
					s.editByte()
				}
				var wait sync.WaitGroup
				for _, k := range kinds {
					wait.Go(func() {
						if out, err := s.within(2*time.Minute, "catmandu", "build", "--target", k); err != nil {
							t.Errorf("round %d, %s: %v\n%s", round, k, err, out)
						}
					})
				}
				wait.Wait()
				if t.Failed() {
					t.FailNow()
				}
				s.rightBy(kinds)
				if t.Failed() {
					t.Fatalf("round %d", round)
				}
			}
		})
	}
}

// rightBy compares each service's image of each kind, and wants the names that both kinds have to be of one of them.
func (s *sequence) rightBy(kinds []string) {
	for _, c := range services {
		shared := map[string]bool{}
		for _, kind := range kinds {
			want, err := s.reference(c, kind, true)
			check(s.t, err)
			if err := s.compare(want, "seq-"+c.name+":"+kind); err != nil {
				s.t.Errorf("%s, %s: %v", c.name, kind, err)
			}
			shared[s.id("seq-"+c.name+":"+kind)] = true
		}
		for _, tag := range c.tags {
			if !shared[s.id(tag)] {
				s.t.Errorf("%s is neither of %v", tag, kinds)
			}
		}
	}
}

func (s *sequence) id(tag string) string {
	return strings.TrimSpace(s.docker("image", "inspect", "--format", "{{.Id}}", tag))
}

// within runs the docker CLI, and takes it for hanging when it has not ended in time.
func (s *sequence) within(limit time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "tools/docker"), args...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = s.env.Vars, s.dir, time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("has not ended after %s", limit)
	}
	return out.String(), err
}
