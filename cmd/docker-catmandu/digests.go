package main

import (
	"fmt"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// writeDigests writes what docker catmandu merge needs to know of a build.
func writeDigests(path string, plan *targets.Plan, r *buildx.Result) error {
	digests, err := buildx.NewDigests(plan, r)
	if err != nil {
		return fmt.Errorf("--digest-file: %w", err)
	}
	return writeFile("--digest-file", path, digests)
}
