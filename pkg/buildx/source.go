package buildx

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Place is a place in a file of the project. BuildKit itself knows no more than a Dockerfile's base name.
type Place struct {
	// File is an absolute path: the Dockerfile, or the Compose file that has it inline.
	File string `json:"file,omitempty"`
	// Line counts from 1; 0 is unknown, as it always is in a Compose file.
	Line int `json:"line,omitempty"`
	// Excerpt is the lines around it as BuildKit prints them.
	Excerpt string `json:"excerpt,omitempty"`
}

// sourceOf finds where in a target's Dockerfile a failure comes from, nil when BuildKit does not say.
func sourceOf(p *targets.Plan, t targets.Target, err error) *Place {
	sources := errdefs.Sources(err)
	if len(sources) == 0 {
		return nil
	}
	src := sources[len(sources)-1]
	var b strings.Builder
	_ = src.Print(&b)
	out := &Place{Excerpt: strings.TrimRight(b.String(), "\n")}
	if file := dockerfile(p, t); src.Info != nil && named(t, src.Info.Filename) {
		out.File = file
	}
	if out.File != "" && t.Dockerfile != "" {
		out.Line = firstLineOf(src.Ranges)
	}
	return out
}

// warned finds the Dockerfile of a warning by its text, as a warning names no service; nil when no target has it.
func warned(p *targets.Plan, w client.VertexWarning) *Place {
	if w.SourceInfo == nil {
		return nil
	}
	for _, t := range p.Targets {
		file := dockerfile(p, t)
		if file == "" || !named(t, w.SourceInfo.Filename) {
			continue
		}
		if t.Dockerfile == "" {
			if t.Build.DockerfileInline == string(w.SourceInfo.Data) {
				return &Place{File: file}
			}
			continue
		}
		if text, err := os.ReadFile(file); err == nil && bytes.Equal(text, w.SourceInfo.Data) {
			return &Place{File: file, Line: firstLineOf(w.Range)}
		}
	}
	return nil
}

// dockerfile is the absolute path of the file that has a target's Dockerfile, empty when that is not known.
func dockerfile(p *targets.Plan, t targets.Target) string {
	switch {
	case filepath.IsAbs(t.Dockerfile):
		return t.Dockerfile
	case t.Dockerfile != "" || t.Build.DockerfileInline == "" || len(p.Files) != 1:
		return ""
	case filepath.IsAbs(p.Files[0]):
		return p.Files[0]
	}
	return filepath.Join(p.Dir, p.Files[0])
}

// named tells whether BuildKit's name of a Dockerfile can be that of the target's.
func named(t targets.Target, name string) bool {
	return t.Dockerfile == "" || path.Base(filepath.ToSlash(name)) == filepath.Base(t.Dockerfile)
}

func firstLineOf(ranges []*pb.Range) int {
	if len(ranges) == 0 || ranges[0].Start == nil {
		return 0
	}
	return int(ranges[0].Start.Line)
}
