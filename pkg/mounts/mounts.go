// Package mounts finds the cache mounts that the builds of a project have: what BuildKit calls them, what they are made on, how they
// are shared, and which lock files their content comes of.
//
// All of it is read from graphs, as BuildKit's frontend made them. Nobody is asked, and nothing is built.
package mounts

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Mount is one cache mount of a builder, which may be that of many steps.
type Mount struct {
	// ID is BuildKit's: that of the Dockerfile, or the target, after a namespace and a slash.
	ID string `json:"id"`
	// Target is where the first step has it.
	Target string `json:"target"`
	// Sharing are the ways in which steps share it, as a Dockerfile says it, sorted.
	Sharing []string `json:"sharing"`
	// On says what a new one is: whose, with which permissions, or what it is a copy of. Empty is nothing in particular.
	On string `json:"on,omitempty"`
	// Platforms are those of the steps, Services those that have them, both sorted.
	Platforms []string `json:"platforms"`
	Services  []string `json:"services"`
	// Locks are the lock files that its content comes of, as paths within build contexts, sorted.
	Locks []string `json:"locks"`
	// LocksDigest changes when the content of one of them does; empty where there are none.
	LocksDigest string `json:"locksDigest,omitempty"`

	// Base makes what a new one is; nil for nothing. Selector is where in it, and Folders are the local folders that it is made of.
	Base     *pb.Definition    `json:"-"`
	Selector string            `json:"-"`
	Folders  map[string]string `json:"-"`

	contents map[string]bool
}

// IsShared tells whether several steps may have it at a time.
func (m *Mount) IsShared() bool { return len(m.Sharing) == 1 && m.Sharing[0] == shared }

const shared = "shared"

// New finds the mounts of graphs, sorted by ID. graphs has for each source its steps. platform is what the builder builds for where a
// step says nothing.
func New(sources []steps.Source, graphs []*steps.Graph, platform string) ([]Mount, error) {
	f := &finder{platform: platform, found: map[string]*Mount{}, sessions: map[string]map[string]string{}}
	for _, s := range sources {
		if s.Session != "" {
			f.sessions[s.Session] = s.Folders
		}
	}
	for i, s := range sources {
		if err := f.source(s, graphs[i]); err != nil {
			return nil, fmt.Errorf("service %q: %w", s.Service, err)
		}
	}
	out := []Mount{}
	for _, m := range f.found {
		m.finish()
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Mount) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.On, b.On)) })
	return out, nil
}

// finder goes through graphs.
type finder struct {
	platform string
	// found are the mounts by what tells them apart.
	found map[string]*Mount
	// sessions are the folders of graphs by the name of their session.
	sessions map[string]map[string]string
}

func (f *finder) source(s steps.Source, g *steps.Graph) error {
	all := map[string]*steps.Step{}
	for i := range g.Steps {
		all[g.Steps[i].Digest] = &g.Steps[i]
	}
	for _, text := range s.Definition.GetDef() {
		op := &pb.Op{}
		if err := op.UnmarshalVT(text); err != nil {
			return err
		}
		for _, m := range op.GetExec().GetMounts() {
			if m.MountType != pb.MountType_CACHE || m.CacheOpt == nil {
				continue
			}
			found, err := f.mount(s, op, m)
			if err != nil {
				return fmt.Errorf("cache mount %s: %w", m.Dest, err)
			}
			add(&found.Services, s.Service)
			add(&found.Platforms, f.platformOf(op))
			add(&found.Sharing, sharing[m.CacheOpt.Sharing])
			found.learn(all, digest.FromBytes(text).String())
		}
	}
	return nil
}

var sharing = map[pb.CacheSharingOpt]string{
	pb.CacheSharingOpt_SHARED: shared, pb.CacheSharingOpt_PRIVATE: "private", pb.CacheSharingOpt_LOCKED: "locked",
}

func add(list *[]string, v string) {
	if i, there := slices.BinarySearch(*list, v); !there {
		*list = slices.Insert(*list, i, v)
	}
}

func (f *finder) platformOf(op *pb.Op) string {
	p := op.GetPlatform()
	if p == nil {
		return f.platform
	}
	return platforms.Format(platforms.Normalize(ocispecs.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}))
}

// mount is the one that a step has.
func (f *finder) mount(s steps.Source, op *pb.Op, m *pb.Mount) (*Mount, error) {
	out := &Mount{ID: m.CacheOpt.ID, Target: m.Dest, Selector: m.Selector, contents: map[string]bool{}}
	if m.Input != int64(pb.Empty) {
		if m.Input < 0 || int(m.Input) >= len(op.Inputs) {
			return nil, errors.New("an input that is not there")
		}
		var err error
		if out.Base, out.Folders, err = f.base(s, op.Inputs[m.Input]); err != nil {
			return nil, err
		}
		out.On = describe(out.Base, m.Selector)
	}
	key := out.ID + "\x00" + out.On
	if known := f.found[key]; known != nil {
		return known, nil
	}
	f.found[key] = out
	return out, nil
}

// describe tells what a mount is made on. Where that is no more than an owner and permissions it says so.
func describe(base *pb.Definition, selector string) string {
	if text := permissions(base); text != "" {
		return text
	}
	sum := digest.Canonical.Digester()
	for _, text := range base.Def {
		_, _ = sum.Hash().Write(text)
	}
	return "copy of " + sum.Digest().Encoded()[:16] + " " + path.Join("/", selector)
}

// permissions are those of the one folder that a graph makes; empty when it makes something else.
func permissions(base *pb.Definition) string {
	if len(base.Def) != 2 {
		return ""
	}
	op := &pb.Op{}
	if err := op.UnmarshalVT(base.Def[0]); err != nil {
		return ""
	}
	actions := op.GetFile().GetActions()
	if len(actions) != 1 || actions[0].GetMkdir() == nil || len(op.Inputs) > 0 {
		return ""
	}
	mkdir := actions[0].GetMkdir()
	return fmt.Sprintf("owner %d:%d mode %04o", mkdir.GetOwner().GetUser().GetByID(), mkdir.GetOwner().GetGroup().GetByID(), mkdir.Mode)
}

// finish puts together what was learnt.
func (m *Mount) finish() {
	if m.Locks == nil {
		m.Locks = []string{}
	}
	if len(m.contents) == 0 {
		return
	}
	text := ""
	for _, c := range slices.Sorted(maps.Keys(m.contents)) {
		text += c + "\n"
	}
	m.LocksDigest = digest.FromString(text).Encoded()
}
