package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/report"
	"github.com/docker-catmandu/docker-catmandu/pkg/report/otlp"
	"github.com/docker-catmandu/docker-catmandu/pkg/report/page"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// reportFlags say where a session is told of.
type reportFlags struct {
	format format
	files  []string
	otlp   string
	// dir is the folder of the project.
	dir string
}

func (f *reportFlags) add(flags *pflag.FlagSet) {
	f.format.add(flags, "table", "json", "markdown")
	flags.StringArrayVar(&f.files, "report", nil, "Write a report, [FORMAT=]FILE; the format goes by the ending: "+formatNames())
	flags.StringVar(&f.otlp, "otlp", "", "Send traces and metrics to an OTLP/HTTP endpoint")
}

// reportFormat writes a session in one way.
type reportFormat struct {
	name string
	// endings are those of files that get it.
	endings []string
	write   func(w io.Writer, s *session.Session, trends []session.Trend) error
}

var reportFormats = []reportFormat{
	{"html", []string{".html", ".htm"}, page.Write},
	{"markdown", []string{".md"}, func(w io.Writer, s *session.Session, _ []session.Trend) error {
		return report.Markdown(w, s, report.Options{})
	}},
	{"hyperfine", []string{".hyperfine.json"}, plainReport(report.Hyperfine)},
	{"json", []string{".json"}, plainReport(report.JSON)},
	{"prometheus", []string{".prom"}, plainReport(report.Prometheus)},
	{"gobench", []string{".bench", ".txt"}, plainReport(report.GoBench)},
	{"table", nil, plainReport(report.Table)},
}

func plainReport(write func(io.Writer, *session.Session) error) func(io.Writer, *session.Session, []session.Trend) error {
	return func(w io.Writer, s *session.Session, _ []session.Trend) error { return write(w, s) }
}

func formatNames() string {
	var out []string
	for _, f := range reportFormats {
		name := f.name
		if len(f.endings) > 0 {
			name += " (" + strings.Join(f.endings, ", ") + ")"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// reportFile is a file that gets a report.
type reportFile struct {
	path   string
	format reportFormat
}

func parseReport(value string) (reportFile, error) {
	if name, path, ok := strings.Cut(value, "="); ok {
		i := slices.IndexFunc(reportFormats, func(f reportFormat) bool { return f.name == name })
		if i >= 0 && path != "" {
			return reportFile{path, reportFormats[i]}, nil
		}
	}
	for _, f := range reportFormats {
		for _, ending := range f.endings {
			if strings.HasSuffix(value, ending) {
				return reportFile{value, f}, nil
			}
		}
	}
	return reportFile{}, usageError("--report %s: the ending says no format\nhint: FORMAT=FILE, where FORMAT is one of %s", value, formatNames())
}

// check says before anything is measured that a report can't be written.
func (f *reportFlags) check() error {
	for _, value := range f.files {
		file, err := parseReport(value)
		if err != nil {
			return err
		}
		if info, err := os.Stat(filepath.Dir(file.path)); err != nil {
			return fmt.Errorf("--report %s: %w", value, err)
		} else if !info.IsDir() {
			return fmt.Errorf("--report %s: %s is no folder", value, filepath.Dir(file.path))
		}
	}
	return nil
}

// write tells of a session wherever that was asked for.
func (f *reportFlags) write(ctx context.Context, a *app, s *session.Session, trends []session.Trend) error {
	for _, value := range f.files {
		file, err := parseReport(value)
		if err != nil {
			return err
		}
		if err := writeReport(file.path, func(w io.Writer) error { return file.format.write(w, s, trends) }); err != nil {
			return fmt.Errorf("--report %s: %w", value, err)
		}
	}
	if f.otlp != "" {
		if err := otlp.Send(ctx, f.otlp, s); err != nil {
			fmt.Fprintf(a.err, "warning: --otlp %s: %v\n", f.otlp, err) // what was measured is what counts
		}
	}
	if err := summarise(a, s, f.dir); err != nil {
		fmt.Fprintln(a.err, "warning:", err)
	}
	switch f.format.value {
	case "json":
		return report.JSON(a.out, s)
	case "markdown":
		return report.Markdown(a.out, s, report.Options{})
	}
	return report.Table(a.out, s)
}

// writeReport writes a file as a whole or not at all.
func writeReport(path string, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".report-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if err := write(tmp); err != nil {
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
