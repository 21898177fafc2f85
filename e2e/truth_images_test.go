//go:build e2e

package e2e

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// moveBase pushes another version of the image under the same name.
func moveBase(tr *workTree) error {
	tr.pushed++
	return tr.moveBase(tr.pushed)
}

func (tr *workTree) moveBase(version int) error {
	tr.base = version
	top := newLayer()
	for _, dir := range []string{"in", "out"} {
		top.add(tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o777}, nil)
	}
	top.text("base", fmt.Sprintf("%s %d", tr.project, version))
	top.add(tar.Header{Name: "bin/mix", Typeflag: tar.TypeReg, Mode: 0o755}, []byte(mix))
	w := truthWorld()
	below, err := w.busybox()
	if err != nil {
		return err
	}
	if top, err = top.close(); err != nil {
		return err
	}
	return w.push("truth/"+tr.project+":1", runConfig{Cmd: []string{"sh"}}, below, top)
}

// mix is a program of the image that writes what depends on all that a step can see.
const mix = `#!/bin/sh
{
	echo "$@"
	env | sort
	id
	pwd
	cat /base
	find /in /out | sort | while read -r f; do
		stat -c '%n %a' "$f"
		[ ! -f "$f" ] || cat "$f"
	done
} | sha256sum
`

func truthWorld() *world {
	return &world{dir: os.Getenv("E2E_DIR"), bin: os.Getenv("E2E_BIN"), registry: os.Getenv("REGISTRY")}
}

// pushTriggers pushes an image with ONBUILD instructions on top of nothing but a file.
func pushTriggers(tr *workTree, ref string, triggers ...string) error {
	w := truthWorld()
	repository, tag, _ := strings.Cut(ref, ":")
	l := newLayer()
	l.text("triggers", tr.project)
	l, err := l.close()
	if err != nil {
		return err
	}
	content, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{"OnBuild": triggers},
		"rootfs": rootFS{Type: "layers", DiffIDs: []string{l.diffID}},
	})
	if err != nil {
		return err
	}
	layer, err := w.pushBlob(repository, ociLayer, l.compressed.Bytes())
	if err != nil {
		return err
	}
	config, err := w.pushBlob(repository, ociConfig, content)
	if err != nil {
		return err
	}
	_, err = w.pushManifest(repository, tag, manifest{SchemaVersion: 2, MediaType: ociManifest, Config: &config, Layers: []descriptor{layer}})
	return err
}
