package targets

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// dockerfile makes a source of "name<base" words; "+a,b" behind them copies from a and b, "_" is no name.
func dockerfile(rel, stages string) source {
	var text strings.Builder
	for _, word := range strings.Fields(stages) {
		word, copies, _ := strings.Cut(word, "+")
		name, base, ok := strings.Cut(word, "<")
		if !ok {
			base = "scratch"
		}
		fmt.Fprintf(&text, "FROM %s", base)
		if name != "_" {
			fmt.Fprintf(&text, " AS %s", name)
		}
		text.WriteString("\n")
		for _, from := range strings.FieldsFunc(copies, func(r rune) bool { return r == ',' }) {
			fmt.Fprintf(&text, "COPY --from=%s / /\n", from)
		}
	}
	return source{"/shop", rel, ParseDockerfile("/shop/"+rel, []byte(text.String()))}
}

func TestRule(t *testing.T) {
	const last = "" // the name of an unnamed last stage
	for _, tc := range []struct {
		name, stages, declared string
		prod, dev              string
		prodWarns, devWarns    bool
	}{
		// Step 1: the declared stage is of that kind, and step 3 finds the other.
		{name: "both are named", stages: "base dev<base prod<base", declared: "dev", prod: "prod", dev: "dev"},
		{name: "prod is declared", stages: "base development<base production<base", declared: "production", prod: "production", dev: "development"},
		{name: "dev is built on release", stages: "base release<base development<release", declared: "development", prod: "release", dev: "development"},

		// Step 2: counterparts.
		{name: "roles", stages: "x-base x-dev<x-base x-web-dev x-web-prod x-prod", declared: "x-web-dev", prod: "x-web-prod", dev: "x-web-dev"},
		{name: "first token", stages: "dev-web prod-web prod-api", declared: "dev-web", prod: "prod-web", dev: "dev-web"},
		{name: "plain role", stages: "web web-dev api", declared: "web-dev", prod: "web", dev: "web-dev"},
		{name: "plain role is a base", stages: "web web-dev<web api", declared: "web-dev", prod: "api", dev: "web-dev"},
		{name: "role has a dev stage", stages: "web-dev web api", declared: "web", prod: "web", dev: "web-dev"},

		// Step 3: the last stage, and what stands in for it.
		{name: "last is final", stages: "base web-dev<base end<base", declared: "web-dev", prod: "end", dev: "web-dev"},
		{name: "nothing declared", stages: "development build<development _+build", prod: last, dev: "development"},
		{name: "last is dev", stages: "base final<base development local-dev", declared: "development", prod: "final", dev: "development"},
		{name: "last is test", stages: "base runtime<base api-test", prod: "runtime", dev: "api-test"},
		{name: "release is a step", stages: "release dev _+release", declared: "dev", prod: last, dev: "dev"},
		{name: "production is a step of the last", stages: "production _+production", prod: last, dev: last},
		{name: "production is copied from and meant", stages: "dev production nginx+production", declared: "dev", prod: "production", dev: "dev"},
		{name: "prepare-production is no stage of a kind", stages: "builder dev-envs prepare-production _+prepare-production", prod: last, dev: last},
		{name: "only dev-like stage", stages: "base web-dev end", prod: "end", dev: "web-dev"},
		{name: "debug among dev-like ones", stages: "a-dev b-dev debug end", prod: "end", dev: "debug"},
		{name: "the service's own", stages: "api-dev web-dev api-prod web-prod", prod: "web-prod", dev: "web-dev"},
		{name: "one stage", stages: "_", prod: last, dev: last},
		{name: "one image for all", stages: "builder release+builder", prod: "release", dev: "release"},
		{name: "runner is for production", stages: "base dev runner", declared: "runner", prod: "runner", dev: "dev"},
		{name: "runner is all there is", stages: "base runner", declared: "runner", prod: "runner", dev: "runner"},

		// Step 4: components are built for both.
		{name: "component", stages: "build web-server<build build-server<build cli+build", declared: "build-server", prod: "build-server", dev: "build-server"},
		{name: "component with a dev stage of none", stages: "base dev app assets", declared: "assets", prod: "assets", dev: "assets"},
		{name: "builder of the last stage", stages: "builder _+builder", declared: "builder", prod: last, dev: "builder"},
		{name: "builder of nothing", stages: "builder dev-envs<builder", declared: "builder", prod: "builder", dev: "builder"},
		{name: "component on dev", stages: "base dev webpack<dev app", declared: "webpack", prod: "webpack", prodWarns: true, dev: "webpack"},

		// Step 6: nothing is known.
		{name: "dev only", stages: "development dev-envs<development", declared: "development", prod: "development", prodWarns: true, dev: "development"},
		{name: "prod only", stages: "base production nginx", declared: "production", prod: "production", dev: "production", devWarns: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := question{service: "web", declared: tc.declared, where: "compose.yaml:4", source: dockerfile("Dockerfile", tc.stages)}
			q.kind = Prod
			prod := decide(q)
			q.kind = Dev
			dev := decide(q)
			assert.Equal(t, prod.stage, tc.prod, "prod: %s", prod.reason)
			assert.Equal(t, dev.stage, tc.dev, "dev: %s", dev.reason)
			assert.Equal(t, prod.warning != "", tc.prodWarns, prod.warning)
			assert.Equal(t, dev.warning != "", tc.devWarns, dev.warning)
			assert.Assert(t, prod.reason != "" && dev.reason != "")
		})
	}
}

func TestRuleComposeFiles(t *testing.T) {
	q := question{
		kind: Prod, service: "web", declared: "dev", where: "compose.yaml:4", source: dockerfile("Dockerfile", "dev prod app"),
		files: []neighbour{{file: "compose.prod.yaml", target: "app", source: dockerfile("Dockerfile", "dev prod app")}},
	}
	c := decide(q)
	assert.Equal(t, c.stage, "app")
	assert.Equal(t, c.reason, "from compose.prod.yaml")

	// One that says the opposite of its name is passed over.
	q.files[0].target = "dev"
	assert.Equal(t, decide(q).stage, "prod")

	// One without a target has a Dockerfile, which the rule looks at.
	q.files = []neighbour{{file: "compose.prod.yaml", source: dockerfile("Dockerfile.prod", "builder _+builder")}}
	c = decide(q)
	assert.Equal(t, c.source.rel, "Dockerfile.prod")
	assert.Equal(t, c.stage, "")
	assert.Equal(t, c.reason, "from compose.prod.yaml, last stage")
}

func TestRuleSiblingDockerfiles(t *testing.T) {
	dev := question{
		kind: Prod, service: "web", source: dockerfile("Dockerfile.dev", "_"), services: []string{"api", "prep", "web"},
		siblings: []source{dockerfile("Dockerfile", "base web<base api<base _+base")},
	}
	c := decide(dev)
	assert.Equal(t, c.source.rel+" "+c.stage, "Dockerfile web")
	assert.Equal(t, c.reason, "Dockerfile beside Dockerfile.dev")

	dev.service = "prep"
	c = decide(dev)
	assert.Equal(t, c.source.rel, "Dockerfile.dev", "Dockerfile has a stage for each service but this")
	assert.Equal(t, c.warning, "no production stage; building Dockerfile.dev")

	dev.siblings = nil
	assert.Equal(t, decide(dev).warning, "no production stage; building Dockerfile.dev")

	// A Dockerfile that is named for the kind is better than the last stage of one that is not, but no better than
	// a stage that is.
	plain := question{kind: Dev, service: "web", source: dockerfile("Dockerfile", "base app"), siblings: []source{dockerfile("Dockerfile.dev", "_")}}
	assert.Equal(t, decide(plain).source.rel, "Dockerfile.dev")
	plain.source = dockerfile("Dockerfile", "base dev app")
	assert.Equal(t, decide(plain).stage, "dev")

	prod := question{kind: Prod, service: "web", source: dockerfile("Dockerfile", "_"), siblings: []source{dockerfile("Dockerfile.prod", "_")}}
	assert.Equal(t, decide(prod).source.rel, "Dockerfile.prod")
}

func TestRuleSharedLastStage(t *testing.T) {
	q := question{
		kind: Prod, service: "client", declared: "client-dev", source: dockerfile("Dockerfile", "client-dev api-dev final"),
		others: []string{"api-dev"},
	}
	assert.Equal(t, decide(q).warning, `no production stage; building "final"`)
	q.others = []string{"client-dev", ""}
	assert.Equal(t, decide(q).warning, "")
}

func TestRuleOverride(t *testing.T) {
	// What the override declares is for development, whatever its name.
	q := question{kind: Dev, service: "web", declared: "runner", overridden: true, where: "compose.override.yaml:3", source: dockerfile("Dockerfile", "dev runner")}
	assert.Equal(t, decide(q).stage, "runner")

	// Its stage is not taken for production because it is the last.
	q = question{kind: Prod, service: "web", override: "tools", source: dockerfile("Dockerfile", "final tools")}
	assert.Equal(t, decide(q).stage, "final")
	q.source = dockerfile("Dockerfile", "base tools")
	assert.Equal(t, decide(q).stage, "tools")

	// A service that only the override builds may have no production image at all.
	q = question{kind: Prod, service: "web", overridden: true, source: dockerfile("Dockerfile", "_")}
	assert.Equal(t, decide(q).warning, "no production stage; building Dockerfile")
}

func TestRuleUnread(t *testing.T) {
	q := question{kind: Prod, service: "web", declared: "prod", source: source{"https://example.org/shop.git", "Dockerfile", &Dockerfile{Unread: "remote context"}}}
	c := decide(q)
	assert.Equal(t, c.stage, "prod")
	assert.Equal(t, c.reason, "remote context")
	assert.Equal(t, c.warning, "")
	q.kind = Dev
	assert.Equal(t, decide(q).warning, `remote context: no development stage to be seen; building "prod"`)
}

// TestRuleProperties tries Dockerfiles of random stages: the answer is always a stage there is, always has a reason,
// and is always the same.
func TestRuleProperties(t *testing.T) {
	names := strings.Fields("_ base deps builder dev development local web-dev api-dev prod production release web web-prod test final runner x_prod_builder")
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	for range 3_000 {
		var stages, declarable []string
		for range 1 + random.IntN(6) {
			stage := pick(names)
			if len(declarable) > 1 && random.IntN(2) == 0 {
				stage += "<" + pick(declarable[1:])
			}
			if len(declarable) > 1 && random.IntN(3) == 0 {
				stage += "+" + pick(declarable[1:])
			}
			stages = append(stages, stage)
			if name, _, _ := strings.Cut(strings.ReplaceAll(stage, "+", "<"), "<"); name != "_" {
				declarable = append(declarable, name)
			}
			if len(declarable) == 1 {
				declarable = append([]string{""}, declarable...)
			}
		}
		q := question{kind: Prod, service: "web", source: dockerfile("Dockerfile", strings.Join(stages, " "))}
		if len(declarable) > 0 {
			q.declared = pick(declarable)
		}
		if random.IntN(2) == 0 {
			q.kind = Dev
		}
		c := decide(q)
		assert.Assert(t, c.reason != "", stages)
		assert.Assert(t, c.stage == "" || c.source.Index(c.stage) >= 0, "%v: %q", stages, c.stage)
		assert.Assert(t, c.stage != "" || c.source.last().Name == "", "%v: the last stage has a name", stages)
		assert.DeepEqual(t, c.reason, decide(q).reason)
		if environment(q.declared) == q.kind {
			assert.Equal(t, c.stage, q.source.Stages[q.source.Index(q.declared)].Name)
		}
	}
}
