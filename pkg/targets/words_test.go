package targets

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestEnvironmentAndRole(t *testing.T) {
	for _, tc := range []struct {
		name string
		kind Kind
		role string
	}{
		{"dev", Dev, ""},
		{"Development", Dev, ""},
		{"local-dev", Dev, ""},
		{"frontend-dev", Dev, "frontend"},
		{"dev_frontend", Dev, "frontend"},
		{"x.api.debug", Dev, "x-api"},
		{"prod", Prod, ""},
		{"web-production", Prod, "web"},
		{"release", Prod, ""},
		{"prod-web", Prod, "web"},
		{"dev-prod", Prod, "dev"},
		// A helper is of no kind, whatever else its name says.
		{"prod-deps", "", "prod-deps"},
		{"deps-prod", "", "deps-prod"},
		{"x_prod_builder", "", "x-prod-builder"},
		{"dev-envs", "", "dev-envs"},
		{"dev-enterprise", "", "dev-enterprise"},
		// The word must be a whole token, and the first or the last.
		{"web-dev-server", "", "web-dev-server"},
		{"device", "", "device"},
		{"producer", "", "producer"},
		{"app", "", "app"},
		{"Web_Server", "", "web-server"},
		{"", "", ""},
		{"-._", "", ""},
	} {
		assert.Equal(t, environment(tc.name), tc.kind, tc.name)
		assert.Equal(t, role(tc.name), tc.role, tc.name)
	}
}

func TestDevLikeIsWiderThanEnvironment(t *testing.T) {
	assert.Assert(t, devLike("dev-envs"))
	assert.Assert(t, devLike("web-dev-server"))
	assert.Assert(t, !devLike("dev-prod"))
	assert.Assert(t, !devLike("app"))
	assert.Assert(t, testLike("api-test"))
	assert.Assert(t, !testLike("latest"))
}

func TestFileKind(t *testing.T) {
	for name, want := range map[string]Kind{
		"compose.yaml":                     "",
		"docker-compose.yml":               "",
		"compose.prod.yaml":                Prod,
		"docker-compose.production.yml":    Prod,
		"compose.deploy.yml":               Prod,
		"docker-compose-local.yml":         Dev,
		"docker-compose.dev.yml":           Dev,
		"docker-compose.override.dev.yml":  Dev,
		"docker-compose.dev-postgres.yml":  Dev,
		"docker-compose.test.yml":          "",
		"/home/me/dev/docker-compose.yaml": "",
	} {
		assert.Equal(t, fileKind(name), want, name)
	}
}

func TestDockerfileKind(t *testing.T) {
	for rel, want := range map[string]Kind{
		"Dockerfile":                        "",
		"Dockerfile.dev":                    Dev,
		"web/Dockerfile-local":              Dev,
		"prod.Dockerfile":                   Prod,
		"Dockerfile.web.prod":               Prod,
		"docker/dev/Dockerfile":             Dev,
		"compose/production/web/Dockerfile": Prod,
		"dev/Dockerfile.prod":               Prod,
		"web-dev/Dockerfile":                "",
		"Dockerfile.device":                 "",
	} {
		assert.Equal(t, dockerfileKind(rel), want, rel)
	}
}

func TestSiblingNames(t *testing.T) {
	has := func(rel string, k Kind, want string) {
		t.Helper()
		for _, name := range siblingNames(rel, k) {
			if name == want {
				return
			}
		}
		t.Errorf("%s for %s: %s is not among %v", rel, k, want, siblingNames(rel, k))
	}
	has("Dockerfile", Dev, "Dockerfile.dev")
	has("Dockerfile", Dev, "dev.Dockerfile")
	has("Dockerfile", Prod, "Dockerfile.production")
	has("web/Dockerfile.dev", Prod, "web/Dockerfile")
	has("web/Dockerfile.dev", Prod, "web/Dockerfile.prod")
	has("dev.Dockerfile", Prod, "prod.Dockerfile")
	has("compose/local/web/Dockerfile", Prod, "compose/production/web/Dockerfile")
	for _, name := range siblingNames("Dockerfile", Prod) {
		assert.Assert(t, name != "Dockerfile")
	}
}
