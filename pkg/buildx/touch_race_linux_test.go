//go:build e2e

package buildx_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// collisions is how many builds come to a command while a probe asks for it: ten for each of the PRUNE_RACES of the tests of
// prune.
func collisions(t *testing.T) int {
	text := os.Getenv("PRUNE_RACES")
	if text == "" {
		return 50
	}
	n, err := strconv.Atoi(text)
	assert.NilError(t, err)
	return 10 * n
}

// TestTouchBesideBuilds asks without pause for a command that looks like one that has a result, and has none, while builds come
// to it: each of them has to run it.
func TestTouchBesideBuilds(t *testing.T) {
	w := newWorld(t)
	write := func(n int) {
		w.write(map[string]string{"web/Dockerfile": fmt.Sprintf("FROM @\nENV N=%d\nRUN echo $N >/n && sleep 0.05\nRUN cat /n\n", n)})
	}
	plan := w.plan("web")
	write(0)
	w.build(plan)
	built := sync.Map{}
	for _, s := range w.sources(plan) {
		for dgst := range s.Definition.Metadata {
			built.Store(dgst, true)
		}
	}
	evidence := func(digest string) buildx.Evidence {
		if _, ok := built.Load(digest); ok {
			return buildx.Seen
		}
		return buildx.None
	}
	var touches, during atomic.Int32
	failed := 0
	for n := 1; n <= collisions(t); n++ {
		write(n)
		sources := w.sources(plan)
		ctx, cancel := context.WithCancel(t.Context())
		var building atomic.Bool
		asking := make(chan struct{})
		go func() {
			defer close(asking)
			for ctx.Err() == nil {
				began := building.Load()
				found, err := w.live.Touch(context.WithoutCancel(ctx), sources, buildx.TouchOptions{Evidence: evidence})
				assert.Check(t, err)
				touches.Add(1)
				if began || building.Load() {
					during.Add(1)
				}
				assert.Check(t, err != nil || len(found.Records) > 0)
			}
		}()
		time.Sleep(time.Duration(n%40) * 5 * time.Millisecond)
		building.Store(true)
		ran := w.ran.Load()
		_, err := w.builder.Build(t.Context(), plan, buildx.BuildOptions{
			Outputs: buildx.Outputs{Specs: []string{"type=cacheonly"}}, Progress: "quiet", Out: io.Discard, Notices: io.Discard,
		})
		building.Store(false)
		cancel()
		<-asking
		if err != nil {
			failed++
			t.Logf("build %d: %v", n, err)
		} else {
			assert.Check(t, w.ran.Load() == ran+2, "build %d ran %d commands", n, w.ran.Load()-ran)
		}
	}
	t.Logf("%d builds, %d failed; %d probes, %d of them beside a build", collisions(t), failed, touches.Load(), during.Load())
	assert.Equal(t, failed, 0)
	assert.Assert(t, int(during.Load()) >= collisions(t)/2)
}

// TestTouchWhileBuilt has a build that is at a command, and another of whose commands all have results.
func TestTouchWhileBuilt(t *testing.T) {
	w := newWorld(t)
	w.write(map[string]string{
		"web/Dockerfile": "FROM @\nENV N=1\nRUN sleep 1.5\nRUN echo more\nWORKDIR /after\n",
		"api/Dockerfile": "FROM @\nRUN echo api\nWORKDIR /after\n",
	})
	w.build(w.plan("web", "api"))
	w.write(map[string]string{"web/Dockerfile": "FROM @\nENV N=2\nRUN sleep 1.5\nRUN echo more\nWORKDIR /after\n"})
	ran, built := w.ran.Load(), make(chan int)
	go func() { built <- w.build(w.plan("web")) }()
	for w.ran.Load() == ran {
		time.Sleep(5 * time.Millisecond)
	}
	found, err := w.live.Touch(t.Context(), w.sources(w.plan("web", "api")), buildx.TouchOptions{})
	assert.NilError(t, err)
	reasons := map[string]int{}
	for _, why := range found.Missing {
		reasons[why]++
	}
	assert.DeepEqual(t, reasons, map[string]int{"a build that is under way may be at it": 3})
	assert.Equal(t, <-built, 3)
}
