package workflow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// hub is Docker Hub's name in references, and that of those images there that nobody but Docker can push.
const hub, hubLibrary = "docker.io", "library/"

// pushed are the registries that the images of services can be pushed to, sorted; or why nothing can be pushed.
func pushed(services []Service) (hosts []string, why string) {
	var nameless []string
	for _, s := range services {
		if len(s.Images) == 0 {
			nameless = append(nameless, s.Name)
		}
		for _, image := range s.Images {
			ref, err := reference.ParseNormalizedNamed(image)
			if err != nil {
				return nil, fmt.Sprintf("the image of service %q is no name: %s", s.Name, image)
			}
			host, path := reference.Domain(ref), reference.Path(ref)
			if host == hub && strings.HasPrefix(path, hubLibrary) && !strings.HasPrefix(image, hub) {
				return nil, fmt.Sprintf("the image of service %q names no registry: %s", s.Name, image)
			}
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if len(hosts) == 0 && len(nameless) > 0 {
		return nil, "no service has an image name in a registry: " + strings.Join(nameless, ", ")
	}
	return hosts, ""
}

// hostOf is the registry of a repository; empty where that is no name.
func hostOf(repository string) string {
	ref, err := reference.ParseNormalizedNamed(repository)
	if err != nil {
		return ""
	}
	return reference.Domain(ref)
}

var notInName = regexp.MustCompile(`[^A-Z0-9]+`)

// loginNames are what the secrets are called with which a job logs in to a registry.
func loginNames(host string) (user, password string) {
	name := notInName.ReplaceAllString(strings.ToUpper(host), "_")
	// GitHub takes no other names, and GitLab has variables of its own.
	if name[0] >= '0' && name[0] <= '9' || strings.HasPrefix(name, "GITHUB_") || strings.HasPrefix(name, "CI_") {
		name = "REGISTRY_" + name
	}
	return name + "_USER", name + "_PASSWORD"
}

// logins are the registries beside the CI's own, sorted, that a job logs in to.
func (w *writer) logins(own string) []string {
	hosts := slices.Clone(w.pushed)
	if host := hostOf(w.place()); host != "" {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	return slices.DeleteFunc(slices.Compact(hosts), func(h string) bool { return h == own })
}

// secrets are the variables that build secrets come from, sorted.
func (w *writer) secrets() []string {
	var out []string
	for _, s := range w.Services {
		out = append(out, s.Secrets...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
