package buildx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/util/imagetools"
	"github.com/docker/cli/cli/command"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Push makes the indexes and pushes each under all of its tags, once all that they are made of was found in its
// registry. The same digests make the same indexes. name is that of the builder whose settings of registries count; none
// has to run.
func (m *Merge) Push(ctx context.Context, cli command.Cli, name string) error {
	opt, err := registries(cli, name)
	if err != nil {
		return err
	}
	made := make([]madeIndex, len(m.Indexes))
	tools := imagetools.New(opt)
	err = m.each(func(i int) (err error) {
		made[i], err = m.Indexes[i].combine(ctx, tools)
		return err
	})
	if err != nil {
		return failedMerge(ctx, err)
	}
	tools = imagetools.New(opt) // what was asked of registries so far was to read
	return failedMerge(ctx, m.each(func(i int) error {
		x := &m.Indexes[i]
		x.Digest = made[i].desc.Digest.String()
		for _, tag := range x.Tags {
			place, err := imagetools.ParseLocation(tag)
			if err != nil {
				return err
			}
			if err := tools.Push(ctx, place, made[i].desc, made[i].text); err != nil {
				return fmt.Errorf("push %s: %w", tag, explain(err))
			}
		}
		return nil
	}))
}

// registries are the logins of the docker CLI and the settings that a builder has for registries.
func registries(cli command.Cli, name string) (imagetools.Opt, error) {
	hushLogs()
	opts := []builder.Option{builder.WithSkippedValidation()}
	if name != "" {
		opts = append(opts, builder.WithName(name))
	}
	b, err := builder.New(cli, opts...)
	if err != nil {
		return imagetools.Opt{}, unknownBuilder(cli, name, err)
	}
	return b.ImageOpt()
}

// atOnce bounds the services of which registries are asked at a time.
const atOnce = 8

// each calls f for every index and returns all of the errors.
func (m *Merge) each(f func(i int) error) error {
	errs := make([]error, len(m.Indexes))
	free := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i := range m.Indexes {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			if err := f(i); err != nil {
				errs[i] = fmt.Errorf("service %q: %w", m.Indexes[i].Service, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// failedMerge tells of the interruption and not of the many errors that follow from it.
func failedMerge(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// madeIndex is an index and its descriptor.
type madeIndex struct {
	text []byte
	desc ocispecs.Descriptor
}

// combine looks for the parts in their registries and makes the index.
func (x *Index) combine(ctx context.Context, tools *imagetools.Resolver) (madeIndex, error) {
	var none madeIndex
	var sources []*imagetools.Source
	for _, part := range x.parts {
		for i, repository := range part.Repositories {
			name := repository + "@" + part.Digest
			_, desc, err := tools.Resolve(ctx, name)
			if errdefs.IsNotFound(err) {
				return none, fmt.Errorf("%s: not there: %s\nhint: build and push this platform again; registries may remove images without a tag", part.Platform, name)
			}
			if err != nil {
				return none, fmt.Errorf("%s: %s: %w", part.Platform, name, explain(err))
			}
			if i > 0 { // a copy
				continue
			}
			place, err := imagetools.ParseLocation(name)
			if err != nil {
				return none, err
			}
			sources = append(sources, &imagetools.Source{Desc: desc, Ref: place})
		}
	}
	text, desc, _, err := tools.Combine(ctx, sources, nil, true, nil)
	if err != nil {
		return none, explain(err)
	}
	found, err := platformsOf(text)
	if err != nil {
		return none, err
	}
	if !slices.Equal(found, sorted(x.Platforms)) {
		return none, fmt.Errorf("the images are for %s, and not for %s as the files say", strings.Join(found, ", "), strings.Join(x.Platforms, ", "))
	}
	return madeIndex{text, desc}, nil
}

// platformsOf are the platforms of an index, sorted; its attestations have none.
func platformsOf(text []byte) ([]string, error) {
	var index ocispecs.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	var out []string
	for _, d := range index.Manifests {
		if d.Platform != nil && d.Platform.OS != "unknown" {
			out = append(out, platforms.Format(platforms.Normalize(*d.Platform)))
		}
	}
	slices.Sort(out)
	return out, nil
}
