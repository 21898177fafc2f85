package buildx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/buildx/build"
	"github.com/moby/buildkit/client"
)

// finish puts images in their places and fills in the result.
func (j *job) finish(ctx context.Context, rec *recorder, result *Result, responses map[string]*client.SolveResponse) {
	result.Targets = []TargetResult{}
	for _, t := range j.plan.Targets {
		lead := j.leads[t.Service]
		if t.Linked {
			if f, ok := j.failed[lead]; !ok || f.Aborted {
				continue
			}
		}
		r := TargetResult{Service: t.Service, Stage: t.Stage, Tags: t.Tags, Seconds: elapsed(result.Steps, lead)}
		r.Cached, r.Steps = counts(result.Steps, lead)
		if fetched, took := rec.fetchedFor(lead); fetched > 0 {
			r.FetchedBytes, r.FetchedSeconds = fetched, took.Seconds()
		}
		if resp := responses[lead]; resp != nil {
			j.complete(ctx, &r, j.destinations[lead], resp.ExporterResponse)
		}
		if f, ok := j.failed[lead]; ok {
			r.Error, r.Canceled = firstLine(failed(lead, f.Err)), f.Aborted
			r.Place = sourceOf(j.plan, t, f.Err)
		}
		result.Targets = append(result.Targets, r)
	}
}

// complete fills in what a target's response says.
func (j *job) complete(ctx context.Context, r *TargetResult, d *destination, response map[string]string) {
	if err := d.commit(); err != nil {
		j.mu.Lock()
		j.failed[j.leads[r.Service]] = build.TargetResult{Err: fmt.Errorf("%s: %w", d.where, err)}
		j.mu.Unlock()
		return
	}
	r.Metadata = metadata(response)
	r.Output, r.Ref = d.shown(r.Tags), response["buildx.build.ref"]
	r.Digest = response["containerimage.digest"]
	j.measure(ctx, r, d, response)
}

func (j *job) clean() {
	for _, d := range j.destinations {
		d.clean()
	}
}

// failure returns one error of all that failed, without the targets that were only stopped because of them.
func (j *job) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, service := range j.services {
		if f, ok := j.failed[service]; ok && !f.Aborted {
			errs = append(errs, failed(service, f.Err))
		}
	}
	if len(errs) == 0 && err != nil {
		return explain(err)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
