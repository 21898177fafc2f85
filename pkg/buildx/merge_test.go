package buildx

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// pushedAs is an image with a digest of one digit, repeated.
func pushedAs(name, digit, platform string, tags ...string) Pushed {
	of, err := repositories(tags)
	if err != nil {
		panic(err)
	}
	return Pushed{name, tags, of, "sha256:" + strings.Repeat(digit, 64), platform}
}

func TestMerge(t *testing.T) {
	const web, api = "example.com/web:1", "example.com/api:1"
	amd := func() *Digests {
		return &Digests{"amd.json", "shop", targets.Prod, []Pushed{
			pushedAs("web", "1", "linux/amd64", web, "example.com/web:2"), pushedAs("api", "2", "linux/amd64", api),
		}}
	}
	arm := func() *Digests {
		return &Digests{"arm.json", "shop", targets.Prod, []Pushed{
			pushedAs("api", "3", "linux/arm64", api), pushedAs("web", "4", "linux/arm64", "example.com/web:2", web),
		}}
	}
	for _, tc := range []struct {
		name   string
		change func(amd, arm *Digests)
		want   []string // of the error
	}{
		{"the same", func(*Digests, *Digests) {}, nil},
		{"project", func(_, arm *Digests) { arm.Project = "other" }, []string{`amd.json is of project "shop", arm.json of "other"`}},
		{"kind", func(_, arm *Digests) { arm.Kind = targets.Dev }, []string{`amd.json is of --target "prod", arm.json of "dev"`}},
		{"fewer services", func(_, arm *Digests) { arm.Services = arm.Services[:1] }, []string{`service "web" is in amd.json, but not in arm.json`}},
		{"more services", func(amd, _ *Digests) { amd.Services = amd.Services[:1] }, []string{`service "api" is in arm.json, but not in amd.json`}},
		{
			"tags", func(_, arm *Digests) { arm.Services[0].Tags = []string{"example.com/api:2"} },
			[]string{`service "api" has other tags in amd.json (example.com/api:1) than in arm.json (example.com/api:2)`},
		},
		{
			"platform", func(_, arm *Digests) {
				arm.Services[0].Platform, arm.Services[1].Platform = "linux/amd64", "linux/amd64"
			},
			[]string{`service "web": linux/amd64 is in amd.json and in arm.json`, `service "api": linux/amd64 is in amd.json and in arm.json`},
		},
		{
			"one tag, several images", func(amd, arm *Digests) { amd.Services[1].Tags, arm.Services[0].Tags = []string{web}, []string{web} },
			[]string{`services "api" and "web" have different images, and one tag: ` + web},
		},
		{
			"one tag, one image", func(amd, arm *Digests) {
				amd.Services[1] = pushedAs("api", "1", "linux/amd64", web)
				arm.Services[0] = pushedAs("api", "4", "linux/arm64", web)
			}, nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := []*Digests{amd(), arm()}
			tc.change(files[0], files[1])
			m, err := NewMerge(files)
			if tc.want != nil {
				assert.Error(t, err, strings.Join(tc.want, "\n"))
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, fmt.Sprint(m.Indexes[0].Service, m.Indexes[1].Service), "apiweb")
			assert.DeepEqual(t, m.Indexes[1].Platforms, []string{"linux/amd64", "linux/arm64"})

			slices.Reverse(files) // no other index comes of another order
			other, err := NewMerge(files)
			assert.NilError(t, err)
			for i := range m.Indexes {
				for k, part := range m.Indexes[i].parts {
					assert.Equal(t, other.Indexes[i].parts[k].Digest, part.Digest)
				}
			}
		})
	}
}
