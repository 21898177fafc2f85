// Package registry is a repository of a registry, asked through OCI's distribution API: its tags, what they name, and their
// removal. Libraries here pull and push, but neither list nor remove.
//
// Every question has an end: a registry that accepts and never answers is an error after Patience, and one that stops in the middle of
// a large blob after Stall.
package registry

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"
)

// Hosts makes, each time it is called, what is known of registries, with no tokens yet: one for reading is of no use for
// removing, and is not replaced while it lasts.
type Hosts func() docker.RegistryHosts

// Patience is how long the answer to one question may take.
const Patience = 10 * time.Second

// Stall is how long nothing may come, or go, of a blob that is read or written as it comes.
const Stall = 30 * time.Second

// Repository is one of a registry.
type Repository struct {
	// Stall is the constant, or what it is set to.
	Stall time.Duration
	// name is that of the repository with the registry's: docker.io/library/web.
	name, path          string
	read, write, remove docker.RegistryHost
	answersWithin       time.Duration
}

// Open finds out where the registry of a repository is, without asking it anything. Patience is cut to within, unless that is 0.
func Open(name string, hosts Hosts, within time.Duration) (*Repository, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, fmt.Errorf("repository %s: %w", name, err)
	}
	r := &Repository{name: named.Name(), path: reference.Path(named), answersWithin: Patience, Stall: Stall}
	if within > 0 && within < Patience {
		r.answersWithin = within
	}
	for _, host := range []*docker.RegistryHost{&r.read, &r.write, &r.remove} {
		if *host, err = origin(hosts(), reference.Domain(named)); err != nil {
			return nil, fmt.Errorf("registry %s: %w", reference.Domain(named), err)
		}
	}
	return r, nil
}

// origin is the registry itself: what a mirror has may be old, and nothing is removed there.
func origin(hosts docker.RegistryHosts, domain string) (docker.RegistryHost, error) {
	all, err := hosts(domain)
	if err != nil {
		return docker.RegistryHost{}, err
	}
	for _, host := range all {
		if host.Capabilities.Has(docker.HostCapabilityPush) {
			return host, nil
		}
	}
	return docker.RegistryHost{}, fmt.Errorf("none of its %d hosts is more than a mirror", len(all))
}

// Name is that of the repository, with the registry's.
func (r *Repository) Name() string { return r.name }

// Remove removes a manifest by its digest, and with it all tags that name it; or a tag, which not every registry can. What
// is not there is removed already.
func (r *Repository) Remove(ctx context.Context, ref string) error {
	_, err := r.ask(ctx, question{method: http.MethodDelete, host: r.remove, path: "manifests/" + ref, scope: "delete"})
	if IsNotFound(err) {
		return nil
	}
	return err
}
