package cache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Whatever is built in whatever order, by jobs that know nothing of each other: a cache is only ever written by builds of one service,
// target and branch, and what is there and has the steps of a service is imported.
func TestInterleavedBuilds(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 7))
		written := map[string]string{} // who writes a cache, by its name
		for range 40 {
			kind := []targets.Kind{targets.Prod, targets.Dev}[random.IntN(2)]
			branch := []string{"main", "feature", "Feature"}[random.IntN(3)]
			var services []string
			for _, s := range []string{"api", "docs", "web", "worker"} {
				if random.IntN(2) == 0 {
					services = append(services, s)
				}
			}
			plan := shop(kind)
			if len(services) > 0 {
				plan = plan.Only(services...)
			}
			in := inShop()
			in.Request, in.Git.Branch = targets.Request{Target: string(kind)}, branch
			s := New(plan, in)
			assert.DeepEqual(t, s.Notes, []string{})
			for _, b := range s.Builds {
				imported := specsOf(b.Imports)
				for name, by := range written {
					service, _, _ := strings.Cut(by, " ")
					useful := slices.Contains(b.Services, service) || service == "web" && b.Services[0] == "worker"
					if !useful || !strings.HasSuffix(by, " "+branch) && !strings.HasSuffix(by, " main") {
						continue
					}
					found := slices.ContainsFunc(imported, func(e string) bool { return strings.Contains(e, name+" | ") })
					assert.Assert(t, found, "%s of %s is not imported by %v at %s on %s: %v", name, by, b.Services, kind, branch, imported)
				}
			}
			for _, b := range s.Builds {
				assert.Equal(t, len(b.Exports), 1)
				parsed, _ := parse(b.Exports[0].Spec)
				service := b.Services[0]
				if service == "worker" { // the same build as web
					service = "web"
				}
				by := fmt.Sprintf("%s %s %s", service, kind, branch)
				if first, taken := written[parsed.attrs["ref"]]; taken {
					assert.Equal(t, first, by)
				}
				written[parsed.attrs["ref"]] = by
			}
		}
		assert.Assert(t, len(written) > 10)
	}
}
