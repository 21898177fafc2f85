package trial

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// chain is a run of steps that are built on one another, in a line of text each: "cached", "idle" or the seconds that it takes,
// and the instruction. The stage is build, the Dockerfile web/Dockerfile, and a step's line its number.
func chain(texts ...string) session.Run {
	r := session.Run{Valid: true, Round: 1}
	now := 1.0
	for i, text := range texts {
		state, name, _ := strings.Cut(text, " ")
		s := session.Step{
			Service: "web", Name: fmt.Sprintf("[build %d/%d] %s", i+1, len(texts), name), Stage: "build", File: "web/Dockerfile", Line: i + 1, After: []int{},
		}
		if i > 0 {
			s.After = append(s.After, i-1)
		}
		switch state {
		case "cached":
			s.Cached, s.Start, s.End = true, now, now
		case "idle":
		default:
			_, _ = fmt.Sscanf(state, "%g", &s.Seconds)
			s.Start, s.End = now, now+s.Seconds
			now = s.End
		}
		r.Steps = append(r.Steps, s)
	}
	r.Wall = now
	return r
}

// told is an outcome in lines.
func told(o Outcome) string {
	if !o.Valid {
		return o.Why
	}
	out := []string{o.Proof}
	for _, m := range o.Missed {
		out = append(out, fmt.Sprintf("%s:%d %s: %s", m.File, m.Line, m.Step, m.Why))
	}
	return strings.Join(out, "\n")
}

func TestWarm(t *testing.T) {
	for _, tc := range []struct {
		name  string
		claim Claim
		run   session.Run
		want  string
	}{
		{"all cached", Claim{}, chain("cached FROM a", "cached COPY a b", "cached RUN a"), "all 2 steps were cached"},
		{"not reached is no miss", Claim{}, chain("cached FROM a", "idle COPY a b", "cached RUN a"), "the only step was cached"},
		{"no steps", Claim{}, chain("cached FROM a"), "there is no step but FROM"},
		{"a miss and what is built on it", Claim{}, chain("cached FROM a", "1 ADD https://a/b /", "2 RUN a"), `0 of 2 steps were cached
web/Dockerfile:2 [build 2/3] ADD https://a/b /: it takes a file from the network
web/Dockerfile:3 [build 3/3] RUN a: it is built on [build 2/3] ADD https://a/b / (web/Dockerfile:2), which ran`},
		{"cached after a miss", Claim{}, chain("cached FROM a", "1 RUN a", "cached COPY --from=x a b", "1 RUN b"), `1 of 3 steps were cached
web/Dockerfile:2 [build 2/4] RUN a: its result was not in the cache
web/Dockerfile:4 [build 4/4] RUN b: its result was not in the cache`},
		{
			"no-cache",
			Claim{Graphs: []*steps.Graph{{Service: "web", Steps: []steps.Step{{Name: "[build 1/1] RUN a", NoCache: true}}}}},
			chain("1 RUN a"), "0 of 1 steps were cached\nweb/Dockerfile:1 [build 1/1] RUN a: the cache may not be used for it (no-cache)",
		},
		{
			"always",
			Claim{Graphs: []*steps.Graph{{Service: "web", Steps: []steps.Step{{Name: "[build 1/1] RUN a", Unknown: steps.Always}}}}},
			chain("1 RUN a"), "0 of 1 steps were cached\nweb/Dockerfile:1 [build 1/1] RUN a: " + steps.Always,
		},
		{"a pull", Claim{}, chain("3 FROM --platform=x docker.io/library/alpine:3@sha256:0"), "base image docker.io/library/alpine:3 was pulled during the run"},
		{
			"a lost mount",
			Claim{Before: map[string]int64{"npm": 7, "go": 1}, After: map[string]int64{"go": 2}},
			chain("cached RUN a"),
			"cache mount npm (7 bytes) is gone: the builder collected it as garbage, or somebody pruned the cache",
		},
		{"mounts not known", Claim{Before: map[string]int64{"npm": 7}}, chain("cached RUN a"), "the only step was cached"},
		{"builder", Claim{Lost: "the builder was started anew"}, chain("cached RUN a"), "the builder was started anew"},
		{"failed", Claim{Failed: "exit code: 1"}, chain("cached RUN a"), "the build failed: exit code: 1"},
	} {
		tc.claim.Scenario = Warm
		assert.Equal(t, told(Prove(tc.claim, &tc.run)), tc.want, tc.name)
	}
}

func TestEdits(t *testing.T) {
	edit := func(takers ...string) []Edit {
		return []Edit{{Service: "web", Path: "site/index.html", Takers: takers}}
	}
	const taker = "[build 3/4] COPY site site"
	for _, tc := range []struct {
		name  string
		edits []Edit
		run   session.Run
		want  string
	}{
		{
			"it ran", edit(taker), chain("cached FROM a", "cached RUN a", "1 COPY site site", "2 RUN b"),
			taker + " (web/Dockerfile:3) ran, which takes site/index.html",
		},
		{
			"what follows may be cached", edit(taker), chain("cached FROM a", "cached RUN a", "1 COPY site site", "cached COPY --from=x a b"),
			taker + " (web/Dockerfile:3) ran, which takes site/index.html",
		},
		{
			"wasted before it", edit(taker), chain("cached FROM a", "4 RUN a", "1 COPY site site", "2 RUN b"),
			taker + " (web/Dockerfile:3) ran, which takes site/index.html\nweb/Dockerfile:2 [build 2/4] RUN a: its result was not in the cache",
		},
		{
			"cached", edit(taker), chain("cached FROM a", "cached RUN a", "cached COPY site site", "cached RUN b"),
			"the edit of site/index.html had no effect: " + taker +
				" (web/Dockerfile:3) was cached; it has the bytes of a build before, or the size and time by which BuildKit knows what it was sent",
		},
		{
			"not reached", edit(taker), chain("cached FROM a", "cached RUN a", "idle COPY site site", "cached RUN b"),
			"the edit of site/index.html had no effect: " + taker + " (web/Dockerfile:3) was not reached",
		},
		{
			"not in the build", edit("[test 1/1] COPY site site"), chain("1 RUN a"),
			"the edit of site/index.html had no effect: [test 1/1] COPY site site is not part of the build",
		},
		{
			"nothing takes it", edit(), chain("1 RUN a"),
			"the edit of site/index.html had no effect: no step takes it; the ignore file excludes it, or no COPY, ADD or mount of the stages that are built names it",
		},
		{"it is known why", []Edit{{Path: "a", Why: ".dockerignore excludes it"}}, chain("1 RUN a"), "the edit of a had no effect: .dockerignore excludes it"},
		{
			"of two steps that take it one ran", edit("[build 1/2] COPY package.json .", "[build 2/2] COPY . ."), chain("cached COPY package.json .", "1 COPY . ."),
			"[build 2/2] COPY . . (web/Dockerfile:2) ran, which takes site/index.html",
		},
		{
			"another service",
			[]Edit{{Service: "api", Path: "a", Takers: []string{"[build 1/1] COPY a ."}}},
			chain("1 COPY a ."),
			"the edit of a had no effect: [build 1/1] COPY a . is not part of the build",
		},
		{"none", nil, chain("1 RUN a"), "nothing was edited"},
		{"a pull", edit(taker), chain("2 FROM a", "cached RUN a", "1 COPY site site", "2 RUN b"), "base image a was pulled during the run"},
	} {
		assert.Equal(t, told(Prove(Claim{Scenario: Source, Edits: tc.edits}, &tc.run)), tc.want, tc.name)
		if len(tc.edits) > 0 {
			assert.Equal(t, told(Prove(Claim{Scenario: "styles", Edits: tc.edits}, &tc.run)), tc.want, tc.name)
		}
	}
	r := chain("cached RUN a", "1 RUN b")
	assert.Equal(t, told(Prove(Claim{Scenario: "mine"}, &r)), "1 of 2 steps were cached")
}

// What another service has of the step that takes an edited file, and what it builds on that, is no waste.
func TestEditOfASharedStep(t *testing.T) {
	api, web := chain("2 COPY . .", "1 RUN a"), chain("2 COPY . .", "4 RUN b")
	r := session.Run{Steps: append(web.Steps, api.Steps...)}
	r.Steps[2].Service, r.Steps[3].Service, r.Steps[3].After = "api", "api", []int{2}
	o := Prove(Claim{Scenario: Source, Edits: []Edit{{Service: "api", Path: "a", Takers: []string{"[build 1/2] COPY . ."}}}}, &r)
	assert.Equal(t, told(o), "[build 1/2] COPY . . (web/Dockerfile:1) ran, which takes a")
}

func TestColdAndEmpty(t *testing.T) {
	for _, tc := range []struct {
		scenario string
		imports  []string
		run      session.Run
		want     string
	}{
		{Cold, nil, chain("cached FROM a", "1 COPY a b", "2 RUN a"), "all 2 steps ran, no base image was pulled"},
		{Cold, nil, chain("cached FROM a", "cached COPY a b", "2 RUN a"), "[build 2/3] COPY a b (web/Dockerfile:2) was cached"},
		{Cold, nil, chain("2 FROM a", "1 COPY a b"), "base image a was pulled during the run"},
		{Cold, nil, chain("2 COPY --from=x a b", "cached COPY --from=x a b"), "all 2 steps ran (1 with the result of another), no base image was pulled"},
		{ColdBuilder, nil, chain("2 FROM a", "1 COPY a b"), "the only step ran, 1 base image was pulled"},
		{ColdBuilder, nil, chain("1 COPY a b"), "the only step ran, 0 base images were pulled"},
		{ColdBuilder, nil, chain("cached FROM a", "1 COPY a b"), "base image a was there already"},
		{ColdBuilder, nil, chain("2 FROM a", "cached COPY a b"), "[build 2/2] COPY a b (web/Dockerfile:2) was cached, and no cache was imported"},
		{ColdBuilder, nil, chain("2 FROM a", "1 RUN a", "cached FROM b", "1 RUN b"), "all 2 steps ran, 1 base image was pulled"},
		{CI, []string{"example.com/c"}, chain("cached FROM a", "cached COPY a b", "1 RUN a"), "1 of 2 steps were cached by import, 0 base images were pulled"},
		{CI, []string{"example.com/c"}, chain("cached FROM a", "1 COPY a b"), "base image a was there already"},
		{CI, nil, chain("2 FROM a", "cached COPY a b"), "[build 2/2] COPY a b (web/Dockerfile:2) was cached, and no cache was imported"},
	} {
		o := Prove(Claim{Scenario: tc.scenario, Imports: tc.imports}, &tc.run)
		assert.Equal(t, told(o), tc.want, tc.scenario)
		assert.Equal(t, o.Valid, o.Why == "")
	}
}

func TestTakers(t *testing.T) {
	g := &steps.Graph{Steps: []steps.Step{
		{Name: "[1/4] FROM a"},
		{Name: "[2/4] COPY --link a b", Takes: []steps.File{{Path: "src"}, {Path: "src/a.go"}}},
		{Name: "[2/4] LINK COPY --link a b"},
		{Name: "[3/4] RUN TOKEN=hunter2 make", Takes: []steps.File{{Path: "src/a.go"}}},
		{Name: "[4/4] COPY b b", Takes: []steps.File{{Path: "src/a.go.bak"}}},
	}}
	assert.DeepEqual(t, Takers(g, "./src/a.go"), []string{"[2/4] COPY --link a b", shown("[3/4] RUN TOKEN=hunter2 make")})
	assert.Equal(t, len(Takers(g, "a.go")), 0)
}
