package buildx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Merge is the making of one image per service from what several builds pushed, each for a platform of its own.
type Merge struct {
	Project string       `json:"project"`
	Kind    targets.Kind `json:"kind,omitempty"`
	// Indexes are one per service, by its name.
	Indexes []Index `json:"indexes"`
}

// Index is the image of one service for several platforms.
type Index struct {
	Service string `json:"service"`
	// Digest is known once the index is made.
	Digest    string   `json:"digest"`
	Platforms []string `json:"platforms"`
	Tags      []string `json:"tags"`
	// parts are by platform, so that the order of files makes no other index.
	parts []Pushed
}

// NewMerge decides what is made of files. Its error has all in which they do not belong together.
func NewMerge(files []*Digests) (*Merge, error) {
	if len(files) == 0 {
		return nil, errors.New("no files to merge")
	}
	first := files[0]
	m := &Merge{Project: first.Project, Kind: first.Kind}
	var errs []error
	for _, f := range files[1:] {
		errs = append(errs, first.belongs(f))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, s := range first.Services {
		x, err := newIndex(s, files)
		m.Indexes, errs = append(m.Indexes, x), append(errs, err)
	}
	slices.SortFunc(m.Indexes, func(a, b Index) int { return cmp.Compare(a.Service, b.Service) })
	errs = append(errs, m.contested())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

// belongs tells why another file is not of the same build.
func (d *Digests) belongs(other *Digests) error {
	if d.Project != other.Project {
		return fmt.Errorf("%s is of project %q, %s of %q", d.File, d.Project, other.File, other.Project)
	}
	if d.Kind != other.Kind {
		return fmt.Errorf("%s is of --target %q, %s of %q", d.File, d.Kind, other.File, other.Kind)
	}
	var errs []error
	for _, pair := range [][2]*Digests{{d, other}, {other, d}} {
		for _, s := range pair[0].Services {
			if pair[1].service(s.Name) == nil {
				errs = append(errs, fmt.Errorf("service %q is in %s, but not in %s", s.Name, pair[0].File, pair[1].File))
			}
		}
	}
	for _, s := range d.Services {
		if o := other.service(s.Name); o != nil && !slices.Equal(sorted(s.Tags), sorted(o.Tags)) {
			errs = append(errs, fmt.Errorf("service %q has other tags in %s (%s) than in %s (%s)",
				s.Name, d.File, strings.Join(s.Tags, ", "), other.File, strings.Join(o.Tags, ", ")))
		}
	}
	return errors.Join(errs...)
}

func (d *Digests) service(name string) *Pushed {
	i := slices.IndexFunc(d.Services, func(s Pushed) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &d.Services[i]
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// newIndex puts together what files have of a service.
func newIndex(s Pushed, files []*Digests) (Index, error) {
	x := Index{Service: s.Name, Tags: s.Tags}
	from := map[string]string{}
	var errs []error
	for _, f := range files {
		part := f.service(s.Name)
		if other, taken := from[part.Platform]; taken {
			errs = append(errs, fmt.Errorf("service %q: %s is in %s and in %s", s.Name, part.Platform, other, f.File))
		}
		from[part.Platform] = f.File
		x.parts = append(x.parts, *part)
	}
	slices.SortFunc(x.parts, func(a, b Pushed) int { return cmp.Compare(a.Platform, b.Platform) })
	for _, part := range x.parts {
		x.Platforms = append(x.Platforms, part.Platform)
	}
	return x, errors.Join(errs...)
}

// contested tells of tags that services with different images claim.
func (m *Merge) contested() error {
	var errs []error
	owners := map[string]Index{}
	for _, x := range m.Indexes {
		for _, tag := range x.Tags {
			other, taken := owners[tag]
			if taken && !slices.EqualFunc(x.parts, other.parts, func(a, b Pushed) bool { return a.Digest == b.Digest }) {
				errs = append(errs, fmt.Errorf("services %q and %q have different images, and one tag: %s", other.Service, x.Service, tag))
			}
			owners[tag] = x
		}
	}
	return errors.Join(errs...)
}
