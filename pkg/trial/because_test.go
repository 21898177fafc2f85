package trial

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// graphOf is the graph of a run; each step takes the files named for its line.
func graphOf(r session.Run, files map[int][]steps.File) []*steps.Graph {
	g := &steps.Graph{Service: "web"}
	for i, s := range r.Steps {
		step := steps.Step{Name: s.Name, Digest: fmt.Sprint(i), File: s.File, Line: s.Line, Self: labelOf(s.Name).text, Takes: files[s.Line]}
		for _, f := range step.Takes {
			step.Files += f.Digest
		}
		g.Steps = append(g.Steps, step)
	}
	return []*steps.Graph{g}
}

func file(path, content string) steps.File {
	return steps.File{Path: path, Digest: content, Content: content}
}

// reasonsOf are reasons in a line each.
func reasonsOf(all []session.Because) string {
	var out []string
	for _, b := range all {
		line := fmt.Sprintf("%+.1f :%d %s %s", b.Seconds, b.Line, b.Step, b.Text)
		if b.Cause != nil {
			line += fmt.Sprintf(" <- :%d %s: %s", b.Cause.Line, b.Cause.Step, b.Cause.Why)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func repeat(r session.Run) []session.Run { return []session.Run{r, r, r} }

// The copy of everything was moved above the install: that line is the cause, not the install.
func TestCopyMovedAboveInstall(t *testing.T) {
	base := chain("cached FROM node", "cached COPY package.json .", "cached RUN npm ci", "0.2 COPY . .", "3 RUN npm run build")
	head := chain("cached FROM node", "0.2 COPY . .", "9 RUN npm ci", "3 RUN npm run build")
	head.Edited, base.Edited = []string{"src/app.ts"}, []string{"src/app.ts"}
	const want = "+9.0 :3 [build 3/4] RUN npm ci runs, was cached <- :2 [build 2/4] COPY . .: " +
		"COPY . . stands before it now; in the base it came after; it takes src/app.ts, which was edited"
	assert.Equal(t, reasonsOf(Because(repeat(head), repeat(base), nil, nil)), want)

	headFiles := map[int][]steps.File{2: {file("package.json", "p"), file("src/app.ts", "edit 7")}}
	baseFiles := map[int][]steps.File{2: {file("package.json", "p")}, 4: {file("package.json", "p"), file("src/app.ts", "edit 3")}}
	got := Because(repeat(head), repeat(base), graphOf(head, headFiles), graphOf(base, baseFiles))
	assert.Equal(t, reasonsOf(got), want)
}

func TestCauses(t *testing.T) {
	for _, tc := range []struct {
		name       string
		base, head session.Run
		baseFiles  map[int][]steps.File
		headFiles  map[int][]steps.File
		want       string
	}{
		{
			name: "a command that changed takes longer",
			base: chain("cached FROM a", "1 COPY . .", "10 RUN make -j4 all", "2 RUN test"),
			head: chain("cached FROM a", "1 COPY . .", "13 RUN make -j1 all", "2.1 RUN test"),
			want: `+3.0 :3 [build 3/4] RUN make -j1 all takes longer <- :3 [build 3/4] RUN make -j1 all: its text changed: "RUN make -j4 all" → "RUN make -j1 all"`,
		},
		{
			name: "a command that is another altogether",
			base: chain("cached FROM a", "10 RUN make"),
			head: chain("cached FROM a", "13 RUN ./build.sh --slow"),
			want: `+3.0 :2 [build 2/2] RUN ./build.sh --slow takes longer <- :2 [build 2/2] RUN ./build.sh --slow: its text changed: "RUN make" → "RUN ./build.sh --slow"`,
		},
		{
			name:      "a script that changed, beside the edited file",
			base:      chain("1 COPY . .", "10 RUN ./build.sh"),
			head:      chain("1 COPY . .", "13 RUN ./build.sh"),
			baseFiles: map[int][]steps.File{1: {file("build.sh", "1"), file("src/app.ts", "edit 1")}},
			headFiles: map[int][]steps.File{1: {file("build.sh", "2"), file("src/app.ts", "edit 2")}},
			want:      "+3.0 :2 [build 2/2] RUN ./build.sh takes longer <- :1 [build 1/2] COPY . .: build.sh changed",
		},
		{
			name:      "nothing but the edit changed",
			base:      chain("1 COPY . .", "10 RUN make"),
			head:      chain("1 COPY . .", "13 RUN make"),
			baseFiles: map[int][]steps.File{1: {file("src/app.ts", "edit 1")}},
			headFiles: map[int][]steps.File{1: {file("src/app.ts", "edit 2")}},
			want:      "+3.0 :2 [build 2/2] RUN make takes longer",
		},
		{
			name: "another base image",
			base: chain("cached FROM node:22", "10 RUN npm ci"),
			head: chain("cached FROM node:24", "13 RUN npm ci"),
			want: `+3.0 :2 [build 2/2] RUN npm ci takes longer <- :1 [build 1/2] FROM node:24: its text changed: "FROM node:22" → "FROM node:24"`,
		},
		{
			name: "a copy that takes more",
			base: chain("cached COPY package.json .", "cached RUN npm ci", "1 COPY src src"),
			head: chain("1 COPY *.json .", "9 RUN npm ci", "1 COPY src src"),
			want: `+9.0 :2 [build 2/3] RUN npm ci runs, was cached <- :1 [build 1/3] COPY *.json .: its text changed: "COPY package.json ." → "COPY *.json ."
+1.0 :1 [build 1/3] COPY *.json . runs, was cached <- :1 [build 1/3] COPY *.json .: its text changed: "COPY package.json ." → "COPY *.json ."`,
		},
		{
			name: "something new before it",
			base: chain("cached FROM a", "cached RUN npm ci"),
			head: chain("cached FROM a", "1 ADD https://a/b /", "9 RUN npm ci"),
			want: `+9.0 :3 [build 3/3] RUN npm ci runs, was cached <- :2 [build 2/3] ADD https://a/b /: ADD https://a/b / is new before it
+1.0 :2 [build 2/3] ADD https://a/b / new step`,
		},
		{
			name: "faster",
			base: chain("5 RUN a", "7 RUN b", "3 RUN c"),
			head: chain("cached RUN a", "6 RUN b", "3.5 RUN c"),
			want: "-5.0 :1 [build 1/3] RUN a is cached, ran before\n-1.0 :2 [build 2/3] RUN b takes less time",
		},
		{
			name: "something is gone",
			base: chain("1 RUN a", "5 COPY a b"),
			head: chain("1 RUN a"),
			want: "-5.0 :2 [build 2/2] COPY a b is gone",
		},
		{name: "nothing", base: chain("1 RUN a"), head: chain("1 RUN a"), want: ""},
	} {
		tc.base.Edited, tc.head.Edited = []string{"src/app.ts"}, []string{"src/app.ts"}
		got := Because(repeat(tc.head), repeat(tc.base), graphOf(tc.head, tc.headFiles), graphOf(tc.base, tc.baseFiles))
		assert.Equal(t, reasonsOf(got), tc.want, tc.name)
	}
}

// Seconds are medians over the runs that count, and where something was cached it took nothing.
func TestBecauseOfMedians(t *testing.T) {
	base := []session.Run{chain("2 RUN a"), chain("cached RUN a"), chain("cached RUN a")}
	head := []session.Run{chain("4 RUN a"), chain("5 RUN a"), chain("90 RUN a"), chain("1 RUN a")}
	head[3].Valid = false
	assert.Equal(t, reasonsOf(Because(head, base, nil, nil)), "+5.0 :1 [build 1/1] RUN a runs, was cached")
	assert.Equal(t, len(Because(head[3:], base, nil, nil)), 0)
	assert.Equal(t, len(Because(head, nil, nil, nil)), 0)
}

func TestBecauseIsShort(t *testing.T) {
	var base, head []string
	for i := range 9 {
		base, head = append(base, fmt.Sprintf("1 RUN %d", i)), append(head, fmt.Sprintf("%d RUN %d", i+1, i))
	}
	all := Because(repeat(chain(head...)), repeat(chain(base...)), nil, nil)
	assert.Equal(t, len(all), maxBecause)
	assert.Equal(t, all[0].Seconds, 8.0)
	all = Because(repeat(chain("100 RUN a", "2 RUN b")), repeat(chain("1 RUN a", "1 RUN b")), nil, nil)
	assert.Equal(t, len(all), 1)
}

// CPU seconds say which version is slower where they were measured.
func TestDirection(t *testing.T) {
	base, head := repeat(chain("2 RUN a", "5 RUN b")), repeat(chain("4 RUN a", "1 RUN b"))
	assert.Equal(t, reasonsOf(Because(head, base, nil, nil)), "-4.0 :2 [build 2/2] RUN b takes less time")
	for i := range head {
		head[i].CPU, base[i].CPU = 7, 5
	}
	assert.Equal(t, reasonsOf(Because(head, base, nil, nil)), "+2.0 :1 [build 1/2] RUN a takes longer")
}

// The same instructions in other stages, and under another stage name, are the same steps still.
func TestStepsAreMatched(t *testing.T) {
	base, head := chain("1 RUN a", "1 RUN a", "5 COPY . ."), chain("1 RUN a", "4 RUN a", "5 COPY . .")
	head.Steps[2].Stage, head.Steps[2].Name = "prod", "[prod 1/1] COPY . ."
	assert.Equal(t, reasonsOf(Because(repeat(head), repeat(base), nil, nil)), "+3.0 :2 [build 2/3] RUN a takes longer")
}

// What several services share makes a difference once.
func TestSharedStepsMakeADifferenceOnce(t *testing.T) {
	share := func(r session.Run) session.Run {
		r.Steps = append(r.Steps, r.Steps[0])
		r.Steps[len(r.Steps)-1].Service = "api"
		return r
	}
	got := Because(repeat(share(chain("9 RUN a"))), repeat(share(chain("1 RUN a"))), nil, nil)
	assert.Equal(t, reasonsOf(got), "+8.0 :1 [build 1/1] RUN a takes longer")
}

// No part of a secret is told, even where a text is cut.
func TestCausesHideSecrets(t *testing.T) {
	base, head := chain("1 RUN x"), chain("9 RUN x")
	old, now := graphOf(base, nil), graphOf(head, nil)
	old[0].Steps[0].Self, now[0].Steps[0].Self = "1", "2"
	old[0].Steps[0].Text = strings.Repeat("a", 70) + " TOKEN=hunter1hunter1hunter1 make"
	now[0].Steps[0].Text = strings.Repeat("a", 70) + " TOKEN=hunter1hunter1hunter2 make"
	got := Because(repeat(head), repeat(base), now, old)
	assert.Assert(t, strings.Contains(got[0].Cause.Why, "its command changed"), got[0].Cause.Why)
	assert.Assert(t, !strings.Contains(got[0].Cause.Why, "hunter"), got[0].Cause.Why)
}
