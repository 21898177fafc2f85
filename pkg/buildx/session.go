package buildx

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/docker/buildx/build"
	"github.com/docker/buildx/util/buildflags"
	"github.com/docker/buildx/util/dockerutil/dockerconfig"
	"github.com/docker/cli/cli/command"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

// closeSoon closes a session and doesn't wait for it: one time in forty that takes a second, which is how long the server of a session
// waits for an answer to its goodbye (goAwayTimeout in golang.org/x/net/http2).
func closeSoon(s *session.Session) {
	go func() { _ = s.Close() }()
}

// attachables are what BuildKit may ask a target's client for: registry logins, secrets, SSH keys.
func attachables(cli command.Cli, b compose.Build, env map[string]string) ([]session.Attachable, error) {
	out := []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: dockerconfig.LoadAuthConfig(cli),
	})}
	if len(b.Secrets) > 0 {
		store, err := secretStore(b.Secrets, env)
		if err != nil {
			return nil, err
		}
		out = append(out, secretsprovider.NewSecretProvider(store))
	}
	keys := sshKeys(b.SSH)
	if len(keys) == 0 && buildflags.IsGitSSH(b.Context) {
		keys = append(keys, &buildflags.SSH{ID: "default"})
	}
	ssh, err := build.CreateSSH(keys)
	if err != nil {
		return nil, fmt.Errorf("ssh: %w", err)
	}
	return append(out, ssh), nil
}

// sshKeys translates SSH keys; several of one ID are one agent.
func sshKeys(list []compose.SSHKey) []*buildflags.SSH {
	var keys []*buildflags.SSH
	for _, k := range list {
		i := slices.IndexFunc(keys, func(s *buildflags.SSH) bool { return s.ID == k.ID })
		if i < 0 {
			i = len(keys)
			keys = append(keys, &buildflags.SSH{ID: k.ID})
		}
		if k.Path != "" {
			keys[i].Paths = append(keys[i].Paths, k.Path)
		}
	}
	return keys
}

// secretStore reads secrets of files when they are asked for, and those of variables from env: buildx's own
// store reads the process environment, which lacks what a .env file says.
func secretStore(list []compose.Secret, env map[string]string) (secrets.SecretStore, error) {
	values := valueStore{}
	var files []secretsprovider.Source
	for _, s := range list {
		if s.Environment == "" {
			files = append(files, secretsprovider.Source{ID: s.ID, FilePath: s.File})
			continue
		}
		v, ok := env[s.Environment]
		if !ok {
			return nil, fmt.Errorf("secret %q: variable %s is not set", s.ID, s.Environment)
		}
		values[s.ID] = []byte(v)
	}
	fileStore, err := secretsprovider.NewStore(files)
	if err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	return stores{values, fileStore}, nil
}

// valueStore holds secrets in memory.
type valueStore map[string][]byte

func (v valueStore) GetSecret(_ context.Context, id string) ([]byte, error) {
	if value, ok := v[id]; ok {
		return value, nil
	}
	return nil, fmt.Errorf("%s: %w", id, secrets.ErrNotFound)
}

// stores asks one store after the other.
type stores []secrets.SecretStore

func (all stores) GetSecret(ctx context.Context, id string) ([]byte, error) {
	for _, s := range all {
		v, err := s.GetSecret(ctx, id)
		if !errors.Is(err, secrets.ErrNotFound) {
			return v, err
		}
	}
	return nil, fmt.Errorf("%s: %w", id, secrets.ErrNotFound)
}
