package buildx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Digests are what one build pushed by digest alone: one platform of images that Merge puts together.
type Digests struct {
	// File is where they were read.
	File     string       `json:"-"`
	Project  string       `json:"project"`
	Kind     targets.Kind `json:"kind,omitempty"`
	Services []Pushed     `json:"services"`
}

// Pushed is the image of one service.
type Pushed struct {
	Name string `json:"name"`
	// Tags are full references, which the image of all platforms shall have.
	Tags []string `json:"tags"`
	// Repositories are those of the tags; each has the image.
	Repositories []string `json:"repositories"`
	Digest       string   `json:"digest"`
	Platform     string   `json:"platform"`
}

// NewDigests tells what a build with Outputs.ByDigest pushed.
func NewDigests(p *targets.Plan, r *Result) (*Digests, error) {
	out := &Digests{Project: p.Project, Kind: p.Kind, Services: []Pushed{}}
	digests := map[string]string{}
	for _, t := range r.Targets {
		digests[t.Service] = t.Digest
	}
	for _, t := range p.Targets {
		if t.Linked || len(t.PushedTags()) == 0 {
			continue
		}
		s := Pushed{Name: t.Service, Digest: digests[t.Service]}
		for _, tag := range t.PushedTags() {
			name, err := fullName(tag)
			if err != nil {
				return nil, err
			}
			s.Tags = append(s.Tags, name.String())
		}
		var err error
		if s.Repositories, err = repositories(s.Tags); err != nil {
			return nil, err
		}
		if s.Platform, err = onePlatform(t); err != nil {
			return nil, err
		}
		if err := s.check(); err != nil {
			return nil, err
		}
		out.Services = append(out.Services, s)
	}
	if len(out.Services) == 0 {
		return nil, errors.New("nothing was pushed: no service has an image name\nhint: name the images with image: or build.tags in the Compose files")
	}
	return out, nil
}

// repositories are those of tags, in their order.
func repositories(tags []string) ([]string, error) {
	var out []string
	for _, tag := range tags {
		name, err := fullName(tag)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, name.Name()) {
			out = append(out, name.Name())
		}
	}
	return out, nil
}

// onePlatform is the platform of a target that is pushed by digest.
func onePlatform(t targets.Target) (string, error) {
	if len(t.Platforms) != 1 {
		return "", fmt.Errorf("pushed by digest an image is for one platform, not %d\nhint: choose it with --platform", len(t.Platforms))
	}
	p, err := platforms.Parse(t.Platforms[0])
	if err != nil {
		return "", err
	}
	return platforms.Format(platforms.Normalize(p)), nil
}

// ReadDigests reads a file of Digests.
func ReadDigests(path string) (*Digests, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := &Digests{File: path}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields() // other files that builds write are JSON, too
	if err := dec.Decode(d); err != nil {
		return nil, fmt.Errorf("%s: %w\nhint: must be a file of docker catmandu build --digest-file", path, err)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// check tells of what no build writes.
func (d *Digests) check() error {
	if d.Project == "" || len(d.Services) == 0 {
		return errors.New("project or services are missing\nhint: must be a file of docker catmandu build --digest-file")
	}
	var errs []error
	seen := map[string]bool{}
	for _, s := range d.Services {
		err := s.check()
		if err == nil && seen[s.Name] {
			err = fmt.Errorf("service %q is there twice", s.Name)
		}
		seen[s.Name] = true
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s Pushed) check() error {
	if s.Name == "" || len(s.Tags) == 0 {
		return fmt.Errorf("service %q: name or tags are missing", s.Name)
	}
	if _, err := digest.Parse(s.Digest); err != nil {
		return fmt.Errorf("service %q: digest %q: %w", s.Name, s.Digest, err)
	}
	if _, err := platforms.Parse(s.Platform); err != nil {
		return fmt.Errorf("service %q: platform %q: %w", s.Name, s.Platform, err)
	}
	for _, tag := range s.Tags {
		name, err := reference.ParseNamed(tag)
		if err != nil {
			return fmt.Errorf("service %q: tag %s: %w", s.Name, tag, err)
		}
		if _, ok := name.(reference.NamedTagged); !ok {
			return fmt.Errorf("service %q: tag %s: must be a full reference, as docker.io/library/web:1", s.Name, tag)
		}
	}
	of, err := repositories(s.Tags)
	if err == nil && !slices.Equal(of, s.Repositories) {
		err = fmt.Errorf("service %q: repositories %v are not those of the tags, %v", s.Name, s.Repositories, of)
	}
	return err
}
