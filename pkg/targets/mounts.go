package targets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// HasCacheMounts tells whether a step that the build of a target takes has a cache mount, as far as its Dockerfile can be read here.
func (t Target) HasCacheMounts() bool {
	text := []byte(t.Build.DockerfileInline)
	if len(text) == 0 && filepath.IsAbs(t.Dockerfile) {
		text, _ = os.ReadFile(t.Dockerfile) // of what can't be read nothing is known
	}
	d := ParseDockerfileWith(t.Dockerfile, text, t.Build.Args)
	if d.Unread != "" || t.Stage != "" && d.Index(t.Stage) < 0 {
		return false
	}
	given := func(name string) bool {
		_, is := t.Build.AdditionalContexts[name]
		return is
	}
	return slices.ContainsFunc(d.Takes(t.Stage, given), func(i int) bool { return d.Stages[i].CacheMounts })
}

// isCacheMount tells it of a flag of a RUN.
func isCacheMount(flag string) bool {
	mount, ok := strings.CutPrefix(flag, "--mount=")
	return ok && slices.ContainsFunc(strings.Split(mount, ","), func(field string) bool {
		return strings.EqualFold(strings.Trim(field, `" `), "type=cache")
	})
}
