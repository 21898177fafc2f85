package buildx

import (
	"testing"

	"github.com/docker/buildx/driver"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// What each way to a BuildKit can do, and which settings it refuses. The names of the builders are those of the table
// in docs/reference/fields.md.
func TestNeeds(t *testing.T) {
	yes, no := func() bool { return true }, func() bool { return false }
	all := map[driver.Feature]bool{
		driver.OCIExporter: true, driver.DockerExporter: true, driver.CacheExport: true, driver.MultiPlatform: true,
	}
	builders := []struct {
		name string
		can  abilities
	}{
		{"graph", abilities{driver: "docker", features: map[driver.Feature]bool{}, engine: yes, indexes: no, gateway: no, limitsSteps: no}},
		{"containerd", abilities{driver: "docker", features: all, engine: yes, indexes: yes, gateway: yes, limitsSteps: yes}},
		{"container+graph", abilities{driver: "docker-container", features: all, engine: yes, indexes: no, gateway: no, limitsSteps: yes}},
		{"remote", abilities{driver: "remote", features: all, engine: no, indexes: no, gateway: no, limitsSteps: yes}},
	}
	type list []string
	for name, tc := range map[string]struct {
		target  targets.Target
		o       Outputs
		refused list
	}{
		"nothing special":       {},
		"inline cache":          {target: targets.Target{CacheTo: []string{"type=inline"}}},
		"registry cache":        {target: targets.Target{CacheTo: []string{"type=registry,ref=x"}}, refused: list{"graph"}},
		"local cache":           {target: targets.Target{CacheTo: []string{"type=local,dest=/x"}}, refused: list{"graph"}},
		"s3 cache":              {target: targets.Target{CacheTo: []string{"type=s3,bucket=b,region=r"}}, refused: list{"graph", "containerd"}},
		"one platform":          {target: targets.Target{Platforms: []string{"linux/arm64"}}},
		"two platforms":         {target: targets.Target{Platforms: []string{"linux/arm64", "linux/amd64"}}, refused: list{"graph"}},
		"two to be loaded":      {target: targets.Target{Platforms: []string{"linux/arm64", "linux/amd64"}}, o: Outputs{Load: true}, refused: list{"graph", "container+graph", "remote"}},
		"two to be pushed":      {target: targets.Target{Image: "x", Platforms: []string{"linux/arm64", "linux/amd64"}}, o: Outputs{Push: true}, refused: list{"graph"}},
		"no provenance":         {target: targets.Target{Build: compose.Build{Provenance: "false", SBOM: "false"}}},
		"provenance":            {target: targets.Target{Build: compose.Build{Provenance: "mode=max"}}, refused: list{"graph", "container+graph"}},
		"sbom":                  {target: targets.Target{Build: compose.Build{SBOM: "true"}}, refused: list{"graph", "container+graph"}},
		"sbom, pushed":          {target: targets.Target{Image: "x", Build: compose.Build{SBOM: "true"}}, o: Outputs{Push: true}, refused: list{"graph"}},
		"sbom, linked":          {target: targets.Target{Linked: true, Build: compose.Build{SBOM: "true"}}, refused: list{"graph"}},
		"by digest":             {target: targets.Target{Image: "x", Tags: []string{"x"}}, o: Outputs{Push: true, ByDigest: true}, refused: list{"graph", "containerd"}},
		"nothing by digest":     {target: targets.Target{Tags: []string{"shop-x"}}, o: Outputs{Push: true, ByDigest: true}},
		"network none":          {target: targets.Target{Build: compose.Build{Network: "none"}}},
		"network host":          {target: targets.Target{Build: compose.Build{Network: "host"}}},
		"network of a project":  {target: targets.Target{Build: compose.Build{Network: "back"}}, refused: list{"graph", "containerd", "container+graph", "remote"}},
		"a host":                {target: targets.Target{Build: compose.Build{ExtraHosts: map[string][]string{"a": {"10.0.0.1"}}}}},
		"host-gateway":          {target: targets.Target{Build: compose.Build{ExtraHosts: map[string][]string{"a": {"host-gateway"}}}}, refused: list{"graph", "container+graph", "remote"}},
		"ulimits":               {target: targets.Target{Build: compose.Build{Ulimits: map[string]compose.Ulimit{"nproc": {Soft: 1, Hard: 1}}}}, refused: list{"graph"}},
		"shm_size":              {target: targets.Target{Build: compose.Build{ShmSize: 1}}, refused: list{"graph"}},
		"an OCI file":           {o: Outputs{Specs: []string{"type=oci,dest=x"}}, refused: list{"graph"}},
		"a docker file":         {o: Outputs{Specs: []string{"type=docker,dest=x"}}, refused: list{"graph"}},
		"into the engine":       {o: Outputs{Specs: []string{"type=docker"}}},
		"files":                 {o: Outputs{Specs: []string{"type=local,dest=x"}}},
		"an OCI file of others": {target: targets.Target{Linked: true}, o: Outputs{Specs: []string{"type=oci,dest=x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var refused list
			for _, b := range builders {
				for _, n := range needs(tc.target, tc.o) {
					if !n.met(b.can) {
						refused = append(refused, b.name)
						assert.Assert(t, n.what != "" && n.hint != "")
					}
				}
			}
			assert.DeepEqual(t, refused, tc.refused)
		})
	}
}

func TestIgnoresLimits(t *testing.T) {
	for version, want := range map[string]bool{
		"20.10.24+dfsg1": true, "v0.8.3-4-gbc07b2b8": true, "v0.10.6+4f0ee09": false, "29.0.3": false, "23.0.1": false, "": false, "v1.2.0": false,
	} {
		assert.Equal(t, ignoresLimits(version), want, version)
	}
}
