package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/go-units"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// reportToGitHub adds the build to the summary of a job of GitHub Actions, and its warnings and failures to the
// run as annotations. Elsewhere it does nothing. The runner reads annotations from stderr as well as from stdout.
func reportToGitHub(w io.Writer, r *buildx.Result) error {
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if os.Getenv("GITHUB_ACTIONS") != "true" || path == "" {
		return nil
	}
	if _, err := io.WriteString(w, annotations(r)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("GITHUB_STEP_SUMMARY: %w", err)
	}
	if _, err := f.WriteString(jobSummary(r)); err != nil {
		_ = f.Close()
		return fmt.Errorf("GITHUB_STEP_SUMMARY: %w", err)
	}
	return f.Close()
}

// jobSummary is a result as Markdown: what failed and why, then a table of all services.
func jobSummary(r *buildx.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Build of %s\n\n", cell(r.Project))
	for _, t := range r.Targets {
		if t.Error != "" && !t.Canceled {
			fmt.Fprintf(&b, "- :x: **%s**: %s\n", cell(t.Service), cell(t.Error))
			b.WriteString(excerpt(t.Place))
		}
	}
	b.WriteString("\n| Service | Stage | Cached | Seconds | Size | Image |\n|---|---|---:|---:|---:|---|\n")
	for _, failed := range []bool{true, false} {
		for _, t := range r.Targets {
			if failed == (t.Error != "") {
				fmt.Fprintf(&b, "| %s | %s | %d of %d | %.1f | %s | %s |\n", cell(t.Service), cell(stageName(t.Stage)),
					t.Cached, t.Steps, t.Seconds, sizeCell(t.Size), imageCell(t))
			}
		}
	}
	b.WriteString("\n")
	return b.String()
}

func sizeCell(size int64) string {
	if size == 0 {
		return ""
	}
	return units.HumanSize(float64(size))
}

func imageCell(t buildx.TargetResult) string {
	switch {
	case t.Canceled:
		return "canceled"
	case t.Error != "":
		return "failed"
	case t.Digest != "":
		return "`" + t.Digest + "`"
	}
	return ""
}

// cell keeps text from being read as Markdown, HTML or a new row.
func cell(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "\\", `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`,
		"<", "&lt;", "&", "&amp;").Replace(s)
}

// annotations are GitHub's workflow commands for what BuildKit warns of and for the services that failed.
func annotations(r *buildx.Result) string {
	var b strings.Builder
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "::warning %stitle=Dockerfile::%s\n", at(w.Place), data(w.Message))
	}
	for _, t := range r.Targets {
		if t.Error != "" && !t.Canceled {
			fmt.Fprintf(&b, "::error %stitle=%s::%s\n", at(t.Place), property("Build of "+t.Service), data(t.Error))
		}
	}
	return b.String()
}

// at are the properties of a place. GitHub knows files by their path in the workspace; others are left out.
func at(p *buildx.Place) string {
	if p == nil || p.File == "" {
		return ""
	}
	root, err := filepath.Abs(os.Getenv("GITHUB_WORKSPACE")) // of nothing it is the working directory
	if err != nil {
		return ""
	}
	file, err := filepath.Rel(root, p.File)
	if err != nil || !filepath.IsLocal(file) {
		return ""
	}
	out := fmt.Sprintf("file=%s,", property(filepath.ToSlash(file)))
	if p.Line > 0 {
		out += fmt.Sprintf("line=%d,", p.Line)
	}
	return out
}

// excerpt is a code block below an item of a list. It is indented, so that no backticks in it can end it.
func excerpt(p *buildx.Place) string {
	if p == nil || p.Excerpt == "" {
		return ""
	}
	return "\n      " + strings.ReplaceAll(p.Excerpt, "\n", "\n      ") + "\n\n"
}

// data escapes the message of a workflow command.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// property escapes a value before the message, where colons and commas have a meaning as well.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
