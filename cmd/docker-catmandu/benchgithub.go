package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/report"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// summarise adds a session to the summary of a job of GitHub Actions, and regressions as annotations. Elsewhere it does nothing.
func summarise(a *app, s *session.Session, dir string) error {
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if os.Getenv("GITHUB_ACTIONS") != "true" || path == "" {
		return nil
	}
	for _, n := range report.Annotations(s) {
		fmt.Fprintf(a.err, "::%s %stitle=%s::%s\n", n.Level, at(annotated(dir, n)), property(n.Title), data(n.Message))
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("GITHUB_STEP_SUMMARY: %w", err)
	}
	err = report.Markdown(f, s, report.Options{Limit: report.SummaryLimit})
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("GITHUB_STEP_SUMMARY: %w", err)
	}
	return nil
}

// annotated is where an annotation is; files of a session are named within the project's folder.
func annotated(dir string, n report.Annotation) *buildx.Place {
	if n.File == "" {
		return nil
	}
	file := n.File
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	return &buildx.Place{File: file, Line: n.Line}
}
