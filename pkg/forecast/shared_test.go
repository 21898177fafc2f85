package forecast

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// stub knows all images; each has a digest of its own.
type stub struct{}

func (stub) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:1"]},"config":{"Env":["PATH=/bin"]}}`), nil
}

func (stub) ResolveSourceMetadata(context.Context, *pb.SourceOp, sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return nil, os.ErrInvalid
}

// graphOf is that of a Dockerfile in a folder that has a file named as the service.
func graphOf(t *testing.T, service, dockerfile string) *steps.Graph {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"Dockerfile": dockerfile, "src/main": service, "same": "same"} {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	res, err := frontend.Convert(context.Background(), frontend.Request{
		Builder: frontend.Unknown(), Images: stub{},
		Read: func(_, file string) ([]byte, error) { return frontend.ReadFile(dir, file) },
	})
	assert.NilError(t, err)
	disk := steps.NewDisk("")
	g, err := steps.New(context.Background(), steps.Source{
		Service: service, Definition: res.Graphs[0].Definition, Image: res.Graphs[0].Image,
		Folders: map[string]string{"context": dir}, Dockerfile: "/" + service + "/Dockerfile",
	}, steps.NewContents(disk), steps.Rules{})
	assert.NilError(t, err)
	assert.NilError(t, disk.Close())
	return g
}

// past is a build in which every RUN took ten seconds.
func past(graphs []*steps.Graph) *ledger.History {
	var b ledger.BuildRecord
	for _, g := range graphs {
		for _, s := range g.Steps {
			r := ledger.StepRecord{Result: ledger.Result{Service: g.Service, Step: s, Status: ledger.Ran}}
			if s.IsRun() {
				r.Seconds = 10
			}
			b.Results = append(b.Results, r)
		}
	}
	return &ledger.History{Builds: []ledger.BuildRecord{b}}
}

const (
	base = "FROM python:3.13-slim AS base\nRUN apt-get update && apt-get install -y git\nRUN pip install uv\n"
	user = "RUN groupadd -r app && useradd -r -g app app\n"
	end  = "COPY src src\nCMD [\"run\"]\n"
)

func TestAdvise(t *testing.T) {
	for _, tc := range []struct {
		name string
		// dockerfiles are by service.
		dockerfiles map[string]string
		unknown     bool // how long steps took
		want        []string
	}{
		{
			name: "the user comes later, under another name",
			dockerfiles: map[string]string{
				"echo": base + user + "WORKDIR /app\n" + end, "notion": base + user + "WORKDIR /app\n" + end,
				"core": base + "WORKDIR /app\nRUN useradd core\n" + end,
			},
			want: []string{
				"core, echo and notion share 3 steps, which saves 40 s",
				"echo and notion share 5 steps, which saves 30 s; core shares 3 of them and leaves at line 4: WORKDIR /app comes where they have RUN groupadd -r app && useradd -r -g ap…",
			},
		},
		{
			name: "the user comes later",
			dockerfiles: map[string]string{
				"echo": base + user + "WORKDIR /app\n" + end, "notion": base + user + "WORKDIR /app\n" + end,
				"core": base + "WORKDIR /app\n" + user + end,
			},
			want: []string{
				"core, echo and notion share 3 steps, which saves 40 s",
				"echo and notion share 5 steps, which saves 30 s",
				"core leaves echo and notion at line 4 because WORKDIR /app comes before RUN groupadd -r app && useradd -r -g ap…; moved below line 5, " +
					"2 steps more are shared, which saves 10 s",
			},
		},
		{
			name: "nothing is known of times", unknown: true,
			dockerfiles: map[string]string{"a": base + user + "WORKDIR /app\n" + end, "b": base + "WORKDIR /app\n" + user + end},
			want: []string{
				"a and b share 3 steps",
				"b leaves a at line 4 because WORKDIR /app comes before RUN groupadd -r app && useradd -r -g ap…; moved below line 5, 2 steps more are shared",
			},
		},
		{
			name:        "the folder of a command counts",
			dockerfiles: map[string]string{"a": base + "RUN uv sync\nWORKDIR /app\n", "b": base + "WORKDIR /app\nRUN uv sync\n"},
			want:        []string{"a and b share 3 steps, which saves 20 s"},
		},
		{
			name:        "a command makes the folder",
			dockerfiles: map[string]string{"a": base + "RUN mkdir -p /app/data\nWORKDIR /app\n", "b": base + "WORKDIR /app\nRUN mkdir -p /app/data\n"},
			want:        []string{"a and b share 3 steps, which saves 20 s"},
		},
		{
			name: "a variable",
			dockerfiles: map[string]string{
				"a": "FROM debian\nRUN apt-get install -y git\nRUN apk add curl\n", "b": "FROM debian\nENV ROLE=b\nRUN apt-get install -y git\nRUN apk add curl\nRUN echo $ROLE\n",
			},
			want: []string{
				"b leaves a at line 3 because ENV ROLE comes before RUN apt-get install -y git; moved below line 4, 2 steps more are shared, which saves 20 s",
			},
		},
		{
			name: "an argument in both",
			dockerfiles: map[string]string{
				"a": "FROM debian\nARG ROLE=a\nRUN apt-get install -y git\nRUN echo $ROLE\n", "b": "FROM debian\nARG ROLE=b\nRUN apt-get install -y git\nRUN echo $ROLE\n",
			},
			want: []string{
				"b leaves a at line 3 because ARG ROLE differs and comes before RUN apt-get install -y git; moved below that in all of them, 1 step more is shared, which saves 10 s",
			},
		},
		{
			name: "a variable that counts",
			dockerfiles: map[string]string{
				"a": base + "RUN apt-get install -y $TOOLS\nRUN pip install x\n", "b": base + "ENV TOOLS=git\nRUN apt-get install -y $TOOLS\nRUN pip install x\n",
				"c": base + "ENV PIP_INDEX_URL=https://x\nRUN pip install y\n", "d": base + "RUN pip install y\n",
			},
			want: []string{"a, b, c and d share 3 steps, which saves 60 s"},
		},
		{
			name: "the user counts",
			dockerfiles: map[string]string{
				"a": base + "RUN apt-get clean\nRUN echo 1\n", "b": base + "USER nobody\nRUN apt-get clean\nRUN echo 1\n", "c": base + "RUN apt-get clean\nRUN echo 1\nRUN echo 2\n",
			},
			want: []string{
				"a and c share 5 steps, which saves 40 s; b shares 3 of them and leaves at line 5: USER differs at RUN apt-get clean", "a, b and c share 3 steps, which saves 40 s",
			},
		},
		{
			name:        "sources before packages",
			dockerfiles: map[string]string{"a": "FROM debian\nWORKDIR /app\nRUN apt-get install -y git\nCOPY src src\n", "b": "FROM debian\nWORKDIR /app\nCOPY src src\nRUN apt-get install -y git\n"},
			want: []string{
				"b leaves a at line 3 because COPY src src comes before RUN apt-get install -y git; moved below line 4, 1 step more is shared, which saves 10 s",
			},
		},
		{
			name:        "configuration before packages",
			dockerfiles: map[string]string{"a": "FROM debian\nRUN apt-get install -y git\nCOPY src /etc/apt/\n", "b": "FROM debian\nCOPY src /etc/apt/\nRUN apt-get install -y git\n"},
		},
		{
			name:        "a folder of another stage",
			dockerfiles: map[string]string{"a": "FROM debian\n" + user + "WORKDIR /app\n", "b": "FROM debian AS x\nWORKDIR /app\nFROM x\n" + user},
		},
		{name: "other images", dockerfiles: map[string]string{"a": base + user, "b": strings.Replace(base, "3.13", "3.12", 1) + user}},
		{name: "one service", dockerfiles: map[string]string{"a": base + user}},
		{name: "equal builds", dockerfiles: map[string]string{"a": base + user, "b": base + user + "CMD [\"b\"]\n"}},
		{
			name:        "equal builds and another",
			dockerfiles: map[string]string{"a": base + user, "b": base + user, "c": base + "RUN echo c\n"},
			want:        []string{"a, b and c share 3 steps, which saves 40 s"},
		},
		{name: "only the image", dockerfiles: map[string]string{"a": "FROM debian\nRUN echo a", "b": "FROM debian\nRUN echo b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var graphs []*steps.Graph
			for service, text := range tc.dockerfiles { // in any order
				graphs = append(graphs, graphOf(t, service, text))
			}
			history := &ledger.History{}
			if !tc.unknown {
				history = past(graphs)
			}
			advice := Advise(graphs, history)
			assert.Assert(t, advice != nil) // it is a list in JSON
			got := texts(advice)
			assert.DeepEqual(t, got, tc.want)
			slices.Reverse(graphs)
			assert.DeepEqual(t, texts(Advise(graphs, history)), got)
		})
	}
}

func texts(all []Advice) []string {
	var out []string
	for _, a := range all {
		out = append(out, a.Text)
	}
	return out
}

func TestAdviseInfers(t *testing.T) {
	graphs := []*steps.Graph{graphOf(t, "a", base+user+"WORKDIR /app\n"), graphOf(t, "b", base+"WORKDIR /app\n"+user)}
	got := Advise(graphs, past(graphs[:1])) // b was not built
	assert.Equal(t, len(got), 2)
	assert.DeepEqual(t, got[1], Advice{
		Kind: AdviceMove, Services: []string{"a", "b"}, Steps: 2, Seconds: 10, File: "/b/Dockerfile", Line: 4,
		Text: "b leaves a at line 4 because WORKDIR /app comes before RUN groupadd -r app && useradd -r -g ap…; moved below line 5, " +
			"2 steps more are shared, which saves 10 s (inferred)",
	})
}

func TestAdviseOncePerPlatform(t *testing.T) {
	var graphs []*steps.Graph
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		for _, service := range []string{"a", "b"} {
			g := graphOf(t, service, base+user+end)
			g.Platform = platform
			graphs = append(graphs, g)
		}
	}
	assert.DeepEqual(t, texts(Advise(graphs, past(graphs))), []string{"a and b share 4 steps, which saves 30 s"})
}

func TestAdviseIsShort(t *testing.T) {
	var graphs []*steps.Graph
	for _, group := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		for _, n := range []string{"1", "2"} {
			graphs = append(graphs, graphOf(t, group+n, strings.Replace(base, "slim", group, 1)+"RUN echo "+n+"\n"))
		}
	}
	assert.Equal(t, len(Advise(graphs, past(graphs))), maxAdvice)
}

func TestIsPlaceless(t *testing.T) {
	for text, want := range map[string]bool{
		"RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*":                 true,
		"RUN --mount=type=cache,target=/var/cache/apt DEBIAN_FRONTEND=noninteractive apt-get install -y git > /dev/null 2>&1": true,
		"RUN useradd --create-home --home-dir=/data app && chown app:app /data":                                               true,
		"RUN apk add --virtual .deps gcc":               true,
		"RUN pip install uv==0.9":                       true,
		"RUN pip install -r requirements.txt":           false,
		"RUN pip install .":                             false,
		"RUN apt-get install -y ./tool.deb":             false,
		"RUN mkdir data":                                false,
		"RUN chown -R app:app data":                     false,
		"RUN echo x > file":                             false,
		"RUN echo $(ls)":                                false,
		"RUN make":                                      false,
		"RUN --mount=type=bind,source=x apt-get update": false,
		"RUN apt-get update && ./setup":                 false,
	} {
		assert.Equal(t, isPlaceless(&steps.Step{Name: "[1/2] " + text}), want, text)
	}
}
