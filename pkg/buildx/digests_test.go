package buildx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestDigestsOfABuild(t *testing.T) {
	sum := "sha256:" + strings.Repeat("a", 64)
	plan := &targets.Plan{Project: "shop", Kind: targets.Prod, Targets: []targets.Target{
		{Service: "base", Linked: true, Image: "base", Tags: []string{"base"}},
		{Service: "local", Tags: []string{"shop-local"}, Platforms: []string{"linux/arm64"}},
		{Service: "tagged", Tags: []string{"shop-tagged", "x/y:1"}, Build: compose.Build{Tags: []string{"x/y:1"}}, Platforms: []string{"linux/arm64/v8"}},
		{Service: "web", Image: "web", Tags: []string{"localhost:5000/a:1", "web"}, Platforms: []string{"linux/arm64"}},
	}}
	result := &Result{Targets: []TargetResult{{Service: "tagged", Digest: sum}, {Service: "web", Digest: sum}}}
	got, err := NewDigests(plan, result)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, &Digests{Project: "shop", Kind: targets.Prod, Services: []Pushed{
		{"tagged", []string{"docker.io/x/y:1"}, []string{"docker.io/x/y"}, sum, "linux/arm64"},
		{
			"web",
			[]string{"localhost:5000/a:1", "docker.io/library/web:latest"},
			[]string{"localhost:5000/a", "docker.io/library/web"},
			sum, "linux/arm64",
		},
	}})
	plan.Targets = plan.Targets[:2]
	_, err = NewDigests(plan, result)
	assert.Assert(t, is.ErrorContains(err, "nothing was pushed: no service has an image name\nhint: "))
}

func TestReadDigestsRefuses(t *testing.T) {
	const whole = `{"project": "shop", "services": [{"name": "web", "tags": ["example.com/web:1"], "repositories": ["example.com/web"], ` +
		`"digest": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "platform": "linux/amd64"}]}`
	path := filepath.Join(t.TempDir(), "d.json")
	read := func(text string) error {
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := ReadDigests(path)
		return err
	}
	assert.NilError(t, read(whole))
	for _, tc := range []struct{ old, new, want string }{
		{whole, whole[:50], "unexpected EOF"},
		{whole, `{"web": {"containerimage.digest": ""}}`, "unknown field"},
		{`"shop"`, `""`, "project or services are missing"},
		{`"web"`, `""`, "name or tags are missing"},
		{"sha256:a", "sha256:", "digest"},
		{"linux/amd64", "a/b/c/d/e", "platform"},
		{"example.com/web:1", "web:1", "tag web:1"},
		{"example.com/web:1", "example.com/web", "must be a full reference"},
		{`["example.com/web"]`, `["example.com/other"]`, "are not those of the tags"},
	} {
		err := read(strings.Replace(whole, tc.old, tc.new, 1))
		assert.Assert(t, is.ErrorContains(err, path), tc.want)
		assert.Assert(t, is.ErrorContains(err, tc.want))
	}
}

// An image in several repositories is pushed to each by its digest, and nowhere under a tag.
func TestPushByDigest(t *testing.T) {
	target := targets.Target{Service: "web", Image: "web", Tags: []string{"b.example/w:1", "web", "b.example/w:2"}, Platforms: []string{"linux/arm64"}}
	d, err := Outputs{Push: true, ByDigest: true}.destination(target, false, nil)
	assert.NilError(t, err)
	assert.DeepEqual(t, d.tags, []string{"b.example/w", "docker.io/library/web"})
	attrs := d.entries[0].Attrs
	assert.DeepEqual(t, []string{d.entries[0].Type, attrs["push"], attrs["push-by-digest"], attrs["name-canonical"]}, []string{"image", "true", "true", "true"})
	target.Platforms = nil
	_, err = Outputs{Push: true, ByDigest: true}.destination(target, false, nil)
	assert.Assert(t, is.ErrorContains(err, "for one platform, not 0\nhint: "))
}
