package buildx

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestGroups(t *testing.T) {
	target := func(service string, change func(*targets.Target)) targets.Target {
		t := targets.Target{
			Service: service, Stage: "app", Context: "/shop", Dockerfile: "/shop/Dockerfile", Tags: []string{"shop-" + service},
			Reason: "of " + service, Build: compose.Build{Args: map[string]string{"A": "1"}},
		}
		if change != nil {
			change(&t)
		}
		return t
	}
	plan := &targets.Plan{Targets: []targets.Target{
		target("base", func(t *targets.Target) { t.Linked = true }),
		target("web", nil),
		target("worker", func(t *targets.Target) { t.Build.Tags = []string{"jobs"}; t.Tags = []string{"jobs", "shop-worker"} }),
		target("args", func(t *targets.Target) { t.Build.Args = map[string]string{"A": "2"} }),
		target("stage", func(t *targets.Target) { t.Stage = "other" }),
		target("file", func(t *targets.Target) { t.Dockerfile = "/shop/Dockerfile.x" }),
		target("pull", func(t *targets.Target) { t.Build.Pull = true }),
		target("cache", func(t *targets.Target) { t.CacheTo = []string{"type=inline"} }),
		target("export", func(t *targets.Target) { t.CacheTo = []string{"type=registry,ref=example.com/cache"} }),
		target("named", func(t *targets.Target) { t.Image = "example.com/named" }),
		target("platform", func(t *targets.Target) { t.Platforms = []string{"linux/arm64"} }),
	}}
	got := groups(plan, func(t targets.Target) string { return Outputs{Push: true}.place(t, nil) })
	assert.Equal(t, len(got), 8)
	assert.DeepEqual(t, got[0].services, []string{"web", "base", "worker", "export"})
	assert.Equal(t, got[0].lead.Service, "web")
	assert.Assert(t, !got[0].lead.Linked)
	assert.DeepEqual(t, got[0].lead.Tags, []string{"shop-web", "jobs", "shop-worker", "shop-export"})
	assert.DeepEqual(t, got[0].lead.CacheTo, []string{"type=registry,ref=example.com/cache"})
	assert.DeepEqual(t, got[0].lead.Build.Tags, []string{"jobs"})
	assert.DeepEqual(t, plan.Targets[1].Tags, []string{"shop-web"}) // the plan stays as it is
	assert.Equal(t, len(groups(plan, func(targets.Target) string { return "" })), len(plan.Targets))
}
