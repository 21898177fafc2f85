package joint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/tonistiigi/fsutil"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
)

// locals are the folders of a job. Builds that have one in common see it under the same name.
type locals struct {
	mounts map[string]fsutil.FS
	dirs   map[string]string
}

func newLocals(builds []Build) (*locals, error) {
	l := &locals{mounts: map[string]fsutil.FS{}, dirs: map[string]string{}}
	for _, b := range builds {
		dirs := []string{b.Context}
		for _, dir := range b.Contexts {
			dirs = append(dirs, dir)
		}
		for _, dir := range dirs {
			name := LocalName(dir)
			if _, known := l.dirs[name]; known {
				continue
			}
			mount, err := fsutil.NewFS(dir)
			if err != nil {
				return nil, err
			}
			l.mounts[name], l.dirs[name] = mount, dir
		}
	}
	return l, nil
}

const localPrefix = "context-"

// LocalName is what BuildKit calls a folder. It is the same in every job, so that BuildKit finds what it got the last
// time.
func LocalName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return localPrefix + hex.EncodeToString(sum[:8])
}

// attrs are all attributes of the frontend for a build.
func (l *locals) attrs(b Build) map[string]string {
	attrs := maps.Clone(b.Attrs)
	if attrs == nil {
		attrs = map[string]string{}
	}
	attrs["filename"] = "Dockerfile"
	if b.Dockerfile != "" {
		attrs["filename"] = filepath.Base(b.Dockerfile)
	}
	for name, dir := range b.Contexts {
		attrs["context:"+name] = "local:" + LocalName(dir)
	}
	return attrs
}

// read reads a file that the frontend wants to see: a Dockerfile or an ignore file.
func (l *locals) read(b Build, folder, file string) ([]byte, error) {
	switch dir, known := l.dirs[folder]; {
	case known:
		return frontend.ReadFile(dir, file)
	case folder == frontend.ContextFolder:
		return frontend.ReadFile(b.Context, file)
	case folder != frontend.DockerfileFolder:
		return nil, fmt.Errorf("there is no folder %q", folder)
	case b.Dockerfile == "":
		return frontend.Inline(b.Inline, file)
	}
	return frontend.ReadFile(filepath.Dir(b.Dockerfile), file)
}
