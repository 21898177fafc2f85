package compose

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// ambiguous warns of default files that were passed over for the first.
func ambiguous(first string) []Warning {
	var others []string
	for _, name := range cli.DefaultFileNames {
		f := filepath.Join(filepath.Dir(first), name)
		if _, err := os.Stat(f); err == nil && f != first {
			others = append(others, name)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return []Warning{{
		Message:  fmt.Sprintf("%s is used, %s is not", filepath.Base(first), strings.Join(others, ", ")),
		Position: Position{File: first},
	}}
}

// ignored warns of extensions of a service that look as if a build read them, and none does.
func ignored(s Service, declared types.ServiceConfig) []Warning {
	var out []Warning
	for _, ext := range []string{"x-build-args", "x-args", "x-cache-from", "x-cache-to", "x-target"} {
		key := strings.TrimPrefix(strings.TrimPrefix(ext, "x-"), "build-")
		for path, extensions := range map[string]types.Extensions{"": declared.Extensions, "build.": declared.Build.Extensions} {
			if _, ok := extensions[ext]; ok {
				out = append(out, Warning{
					Service:  s.Name,
					Message:  fmt.Sprintf("nobody reads %s%s; did you mean build.%s?", path, ext, strings.ReplaceAll(key, "-", "_")),
					Position: s.At(path + ext),
				})
			}
		}
	}
	return append(out, unreadBake(s, declared.Build.Extensions)...)
}
