package buildx

import (
	"context"
	"net/http"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/docker/buildx/util/resolver"
	"github.com/docker/buildx/util/resolver/auth"
	"github.com/docker/cli/cli/command"
	"github.com/moby/buildkit/session/auth/authprovider"
)

// Registries are the logins of the docker CLI and the settings that a builder has for registries, for other questions than those
// of images. The function makes them anew each time, with no tokens yet.
func Registries(cli command.Cli, name string) (func() docker.RegistryHosts, error) {
	opt, err := registries(cli, name)
	if err != nil {
		return nil, err
	}
	return func() docker.RegistryHosts {
		login := &tokenAuthorizer{
			Authorizer: auth.NewDockerAuthorizer(auth.WithAuthProvider(opt.Auth), auth.WithAuthClient(http.DefaultClient)),
			config:     opt.Auth,
		}
		hosts := resolver.NewRegistryConfig(opt.RegistryConfig)
		return func(domain string) ([]docker.RegistryHost, error) {
			all, err := hosts(domain)
			for i := range all {
				all[i].Authorizer = login
			}
			return all, err
		}
	}, nil
}

// tokenAuthorizer takes a token that the docker CLI's configuration has; nothing has to be asked for it.
type tokenAuthorizer struct {
	docker.Authorizer
	config authprovider.AuthConfigProvider
}

func (a *tokenAuthorizer) Authorize(ctx context.Context, request *http.Request) error {
	if login, err := a.config(ctx, request.URL.Host, nil, nil); err == nil && login.RegistryToken != "" {
		request.Header.Set("Authorization", "Bearer "+login.RegistryToken)
		return nil
	}
	return a.Authorizer.Authorize(ctx, request)
}
