package buildx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/docker/buildx/build"
	"github.com/docker/buildx/util/confutil"
	"github.com/docker/buildx/util/urlutil"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/docker-catmandu/docker-catmandu/pkg/joint"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// oldest is the first BuildKit whose gateway has all that a joint build needs; a newer one than ours may know Dockerfiles
// that the frontend in this program doesn't.
const oldest = "v0.13"

// knows tells whether a BuildKit takes the graphs of our frontend.
func knows(ctx context.Context, c *client.Client) error {
	info, err := c.Info(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", joint.ErrApart, err)
	}
	if !within(info.BuildkitVersion.Version, oldest, linked()) {
		return fmt.Errorf("%w by BuildKit %s", joint.ErrApart, info.BuildkitVersion.Version)
	}
	return nil
}

// apart says why the targets of a job can't be built together; nil if they may. What can't is built by buildx, to the
// same images.
func (j *job) apart() error {
	switch {
	case os.Getenv("CATMANDU_BUILD_APART") != "":
		return errors.New("CATMANDU_BUILD_APART is set")
	case len(j.builder.nodes) != 1:
		return errors.New("the builder has several nodes")
	case j.builder.Driver == "docker":
		return errors.New("the engine builds")
	case os.Getenv("BUILDX_GIT_LABELS") != "":
		return errors.New("BUILDX_GIT_LABELS is set")
	}
	first := j.services[0]
	for _, service := range j.services {
		t := j.targets[service]
		if err := apart(t, j.options[service]); err != nil {
			return fmt.Errorf("service %q: %w", service, err)
		}
		if !j.destinations[service].joins(j.destinations[first]) {
			return errors.New("images go to several places")
		}
		b, other := t.Build, j.targets[first].Build
		if !reflect.DeepEqual(b.Secrets, other.Secrets) || !reflect.DeepEqual(b.SSH, other.SSH) {
			return errors.New("secrets are not the same for all services")
		}
	}
	return nil
}

// apart says why a target can't be a part of a joint build.
func apart(t targets.Target, o build.Options) error {
	switch {
	case t.Linked:
		return errors.New("others are built from it")
	case len(o.Platforms) > 1:
		return errors.New("several platforms")
	case len(o.CacheTo) > 0:
		return errors.New("exports its cache")
	case isAttested(o):
		return errors.New("has attestations")
	case wantsProvenance(o):
		return errors.New("its provenance is asked for")
	case o.NoCache || len(o.NoCacheFilter) > 0:
		return errors.New("is built without cache")
	case len(o.Allow) > 0 || o.NetworkMode == "host":
		return errors.New("asks for entitlements")
	}
	for _, c := range o.CacheFrom {
		if c.Type != "registry" {
			return fmt.Errorf("imports a cache of type %s", c.Type)
		}
	}
	for name := range o.BuildArgs {
		if strings.HasPrefix(name, "BUILDKIT_") || name == "SOURCE_DATE_EPOCH" {
			return fmt.Errorf("argument %s", name)
		}
	}
	for _, host := range o.ExtraHosts {
		if _, ip, _ := strings.Cut(host, "="); net.ParseIP(ip) == nil {
			return fmt.Errorf("extra host %s", host)
		}
	}
	for name, c := range o.Inputs.NamedContexts {
		if !strings.HasPrefix(c.Path, "docker-image://") && !isDir(c.Path) {
			return fmt.Errorf("context %s", name)
		}
	}
	return apartInputs(o.Inputs)
}

// wantsProvenance tells whether the user asked for the provenance of each target in the metadata file. A joint build has
// one for all. buildx has it there without a word, but what comes unasked is not worth more steps and time.
func wantsProvenance(o build.Options) bool {
	return os.Getenv("BUILDX_METADATA_PROVENANCE") != "" && o.ProvenanceResponseMode != confutil.MetadataProvenanceModeDisabled
}

func apartInputs(in build.Inputs) error {
	if !isDir(in.ContextPath) {
		return errors.New("its context is no folder")
	}
	text := []byte(in.DockerfileInline)
	if in.DockerfileInline == "" {
		if urlutil.IsHTTPURL(in.DockerfilePath) || !filepath.IsAbs(in.DockerfilePath) {
			return errors.New("its Dockerfile is no local file")
		}
		info, err := os.Lstat(in.DockerfilePath)
		if err != nil || !info.Mode().IsRegular() {
			return errors.New("its Dockerfile is no regular file")
		}
		// A policy for what a build may read: https://docs.docker.com/build/policies/
		if _, err := os.Lstat(in.DockerfilePath + ".rego"); err == nil {
			return errors.New("has a policy")
		}
		if text, err = os.ReadFile(in.DockerfilePath); err != nil {
			return err
		}
	}
	if _, _, _, foreign := parser.DetectSyntax(text); foreign {
		return errors.New("names its own syntax")
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// linked is the version of the BuildKit whose frontend is part of this program.
func linked() string {
	info, _ := debug.ReadBuildInfo()
	if info != nil {
		for _, m := range info.Deps {
			if m.Path == "github.com/moby/buildkit" {
				return m.Version
			}
		}
	}
	return ""
}

// within tells whether a version is not older than one and not newer than another; the last number does not count.
func within(version, from, to string) bool {
	v, a, b := minor(version), minor(from), minor(to)
	return v != nil && a != nil && b != nil && slices.Compare(v, a) >= 0 && slices.Compare(v, b) <= 0
}

func minor(version string) []int {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "v%d.%d", &major, &minor); n != 2 {
		return nil
	}
	return []int{major, minor}
}
