package main

import (
	"fmt"
	"io"
	"path"

	"github.com/docker-catmandu/docker-catmandu/pkg/comparison"
)

// matrix is what the matrix of a job of GitHub Actions includes.
type matrix struct {
	Include []matrixJob `json:"include"`
}

type matrixJob struct {
	Service  string `json:"service"`
	Target   string `json:"target"`
	Platform string `json:"platform,omitempty"`
}

// matrixOf has a job for every image.
func matrixOf(changes []comparison.Change) matrix {
	m := matrix{Include: []matrixJob{}}
	for _, c := range changes {
		platforms := c.Platforms
		if len(platforms) == 0 {
			platforms = []string{""}
		}
		for _, p := range platforms {
			m.Include = append(m.Include, matrixJob{c.Service, c.Target, p})
		}
	}
	return m
}

// printAffected prints a row for each service that is affected or removed.
func printAffected(w io.Writer, f *affected, dir string) error {
	rows := [][]string{{"service", "target", "step", "why"}}
	for _, c := range f.Changes {
		step := ""
		if c.Step != "" {
			step = fmt.Sprintf("%s (%s)", shortName(c.Step), place(dir, c.File, c.Line))
		}
		why := c.Reason
		if !c.Exact {
			why += " (it may be the same)"
		}
		rows = append(rows, []string{c.Service, stageName(c.Target), step, why})
	}
	for _, service := range f.Removed {
		rows = append(rows, []string{service, "", "", "the service was removed"})
	}
	if len(rows) == 1 {
		return nil
	}
	return table(w, dropEmpty(rows))
}

// place is a line of a Dockerfile as a table shows it.
func place(dir, file string, line int) string {
	if file == "" {
		return fmt.Sprintf("line %d", line)
	}
	if in := within(dir, file); in != file {
		return fmt.Sprintf("%s:%d", in, line)
	}
	return fmt.Sprintf("%s:%d", path.Base(file), line)
}
