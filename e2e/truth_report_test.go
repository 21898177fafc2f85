//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

// What a prediction must be good for.
const (
	leastCached = 0.99 // of the steps that were cached, predicted so
	leastCauses = 0.98 // of the steps that ran, with the change that was made as the cause
)

// problems are what is not good enough.
func (s *score) problems(mutations int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	problems := s.broken
	if s.builds < mutations {
		problems = append(problems, fmt.Sprintf("%d mutations, not %d", s.builds, mutations))
	}
	if s.observed {
		return problems
	}
	if n := s.table[cached][ran]; n > 0 {
		problems = append(problems, fmt.Sprintf("%d steps were predicted cached, but ran", n))
	}
	if part := share(s.table[cached][cached], s.total(cached)); part < leastCached {
		problems = append(problems, fmt.Sprintf("%.2f %% of the cached steps were predicted so, not %.0f %%", 100*part, 100*leastCached))
	}
	if part := share(s.right, s.total(ran)); part < leastCauses {
		problems = append(problems, fmt.Sprintf("%.2f %% of the steps that ran have the right cause, not %.0f %%", 100*part, 100*leastCauses))
	}
	if s.wrongFiles > 0 {
		problems = append(problems, fmt.Sprintf("the cause of %d steps names a wrong file", s.wrongFiles))
	}
	return problems
}

// String is the table and what is to be looked into.
func (s *score) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text strings.Builder
	fmt.Fprintf(&text, "%d mutations\n", s.builds)
	if !s.observed {
		w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
		columns := []string{cached, ran, notReached}
		fmt.Fprintf(w, "predicted\t%s\t\n", strings.Join(columns, "\t"))
		for _, row := range []string{cached, runs, unpredictable, unlisted} {
			fmt.Fprint(w, row)
			for _, c := range columns {
				fmt.Fprintf(w, "\t%d", s.table[row][c])
			}
			fmt.Fprint(w, "\t\n")
		}
		_ = w.Flush()
		fmt.Fprintf(&text, "cached and predicted so: %d of %d, %.2f %%\n", s.table[cached][cached], s.total(cached), 100*share(s.table[cached][cached], s.total(cached)))
		fmt.Fprintf(&text, "ran, with the right cause: %d of %d, %.2f %%; with a wrong file: %d\n", s.right, s.total(ran), 100*share(s.right, s.total(ran)), s.wrongFiles)
	}
	if len(s.noEffect) > 0 {
		fmt.Fprintf(&text, "mutations that nothing came of: %d\n  %s\n", len(s.noEffect), strings.Join(s.noEffect, "\n  "))
	}
	fmt.Fprintf(&text, "misses: %d\n", len(s.misses))
	for i, m := range s.misses {
		if i == 0 || m.where != s.misses[i-1].where || m.what != s.misses[i-1].what {
			fmt.Fprintf(&text, "  %s: %s\n", m.where, m.what)
		}
		if m.step != "" {
			fmt.Fprintf(&text, "      %s\n", m.step)
		}
	}
	return text.String()
}

// total is how many steps did that, whatever was predicted.
func (s *score) total(actual string) int {
	total := 0
	for _, row := range s.table {
		total += row[actual]
	}
	return total
}

func share(some, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(some) / float64(whole)
}

// TestTruthScorer lets a predictor that knows all make one mistake after the other: each has to be noticed.
func TestTruthScorer(t *testing.T) {
	const stream = `{"vertexes":[{"digest":"sha256:f","name":"[web +1 a 1/3] FROM x","started":"2026-01-02T03:04:05Z","completed":"2026-01-02T03:04:05Z"}]}
{"vertexes":[{"digest":"sha256:1","name":"[web +1 a 2/3] COPY x /"}]}
{"vertexes":[{"digest":"sha256:1","name":"[web +1 a 2/3] COPY x /","started":"2026-01-02T03:04:05Z","completed":"2026-01-02T03:04:05Z","cached":true}]}
{"vertexes":[{"digest":"sha256:1","name":"[web +1 a 2/3] COPY x /","started":"2026-01-02T03:04:05Z","completed":"2026-01-02T03:04:05Z"}]}
{"vertexes":[{"digest":"sha256:2","name":"[web a 3/3] RUN x","started":"2026-01-02T03:04:05Z","completed":"2026-01-02T03:04:05Z"}]}
{"vertexes":[{"digest":"sha256:3","name":"[web internal] x","started":"2026-01-02T03:04:05Z","completed":"2026-01-02T03:04:05Z"}]}
SERVICE   TARGET
`
	wanted := want{kinds: []string{"files"}, files: map[string]string{"y": "content"}}
	because := func(kind, file string) cause {
		return cause{Kind: "earlier", RootKind: kind, Root: "[a 1/2] COPY y /", Files: []namedFile{{Path: file, Change: "content"}}}
	}
	perfect := func() []prediction {
		return []prediction{
			{Service: "web", Steps: []predictedStep{
				{Name: "[a 1/3] FROM x", Key: "f", Status: runs},
				{Name: "[a 2/3] COPY x /", Key: "1", Status: cached},
				{Name: "[a 3/3] RUN x", Key: "2", Status: runs, Cause: because("files", "y")},
			}},
			{Service: "api", Steps: []predictedStep{
				{Name: "[a 2/3] COPY x /", Key: "1", Status: cached},
				{Name: "[b 3/3] COPY z /", Key: "4", Status: cached}, // is not reached
			}},
		}
	}
	for _, test := range []struct {
		name    string
		spoil   func(web, api []predictedStep)
		want    want
		problem string
	}{
		{"perfect", func(_, _ []predictedStep) {}, wanted, ""},
		{"unpredictable, but with its root", func(web, _ []predictedStep) { web[2].Status, web[2].Cause.Kind = unpredictable, "unpredictable" }, wanted, ""},
		{"ran, predicted cached", func(web, _ []predictedStep) { web[2].Status = cached }, wanted, "predicted cached, but ran"},
		{"cached, predicted to run", func(web, api []predictedStep) { web[1].Status, api[0].Status = runs, runs }, wanted, "% of the cached steps"},
		{"cached, not predicted", func(web, api []predictedStep) { web[1].Status, api[0].Status = unpredictable, unpredictable }, wanted, "% of the cached steps"},
		{"wrong kind", func(web, _ []predictedStep) { web[2].Cause = because("arg", "y") }, wanted, "right cause"},
		{"no root kind", func(web, _ []predictedStep) { web[2].Cause = because("", "y") }, wanted, "right cause"},
		{"wrong file", func(web, _ []predictedStep) { web[2].Cause = because("files", "x") }, wanted, "wrong file"},
		{"no file", func(web, _ []predictedStep) { web[2].Cause.Files = nil }, wanted, "right cause"},
		{"wrong change", func(web, _ []predictedStep) { web[2].Cause.Files[0].Change = "mode" }, wanted, "right cause"},
		{"step left out", func(web, _ []predictedStep) { web[2].Name, web[2].Status = "[a 3/3] RUN y", cached }, wanted, "right cause"},
		{"ran, though nothing should", func(_, _ []predictedStep) {}, nothing, "RUN x ran, but nothing should"},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen, err := observe([]byte(stream), true)
			assert.NilError(t, err)
			s, predictions := &score{}, perfect()
			test.spoil(predictions[0].Steps, predictions[1].Steps)
			s.compare("here", predictions, seen, test.want)
			problems := strings.Join(s.problems(1), "\n")
			assert.Assert(t, (problems == "") == (test.problem == ""), problems)
			assert.Assert(t, cmp.Contains(problems, test.problem))
		})
	}
	s := &score{}
	s.buildFailed("here", errors.New("broken"))
	assert.Assert(t, cmp.Contains(s.String()+strings.Join(s.problems(1), "\n"), "here: build: broken"))
}
