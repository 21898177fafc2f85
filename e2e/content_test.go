//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
)

// An image's content as two readers see it that know nothing of each other: an archive's layers, applied here one
// after the other, and what an engine gives of a container that was never started.

// tree maps paths to what is there.
type tree map[string]string

// reference is an image as an OCI archive or docker save holds it.
type reference struct {
	config imageConfig
	tree   tree
}

type imageConfig struct {
	Config struct {
		User, WorkingDir     string
		Env, Entrypoint, Cmd []string
		ExposedPorts         map[string]struct{}
		Labels               map[string]string
	} `json:"config"`
	RootFS  rootFS `json:"rootfs"`
	History []struct {
		CreatedBy string `json:"created_by"`
		Empty     bool   `json:"empty_layer"`
	} `json:"history"`
	Created string `json:"created"`
}

// readArchive reads an OCI archive or one of docker save, and sees to it that each layer is what the configuration
// says.
func readArchive(archive []byte) (*reference, error) {
	files, err := readFiles(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	config, layers, err := imageFiles(files)
	if err != nil {
		return nil, err
	}
	r := &reference{tree: tree{}}
	if err := json.Unmarshal(config, &r.config); err != nil {
		return nil, err
	}
	if len(layers) != len(r.config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("%d layers, the configuration has %d", len(layers), len(r.config.RootFS.DiffIDs))
	}
	for i, l := range layers {
		plain, err := decompress(l)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(plain)); sum != r.config.RootFS.DiffIDs[i] {
			return nil, fmt.Errorf("layer %d is %s, not %s", i, sum, r.config.RootFS.DiffIDs[i])
		}
		if err := r.tree.apply(bytes.NewReader(plain)); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return r, nil
}

// imageFiles finds the configuration and the layers of the archive's only image.
func imageFiles(files map[string][]byte) (config []byte, layers [][]byte, err error) {
	blob := func(d descriptor) ([]byte, error) {
		name := "blobs/" + strings.Replace(d.Digest, ":", "/", 1)
		content, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("%s is not there", name)
		}
		if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(content)); sum != d.Digest {
			return nil, fmt.Errorf("%s is %s", name, sum)
		}
		return content, nil
	}
	text, ok := files["index.json"]
	for ok {
		var m manifest
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, nil, err
		}
		if m.Config != nil {
			for _, d := range m.Layers {
				l, err := blob(d)
				if err != nil {
					return nil, nil, err
				}
				layers = append(layers, l)
			}
			config, err = blob(*m.Config)
			return config, layers, err
		}
		if len(m.Manifests) == 0 {
			return nil, nil, errors.New("an index of nothing")
		}
		if text, err = blob(m.Manifests[0]); err != nil {
			return nil, nil, err
		}
	}
	var saved []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &saved); err != nil {
		return nil, nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(saved) != 1 {
		return nil, nil, fmt.Errorf("manifest.json: %d images", len(saved))
	}
	for _, name := range saved[0].Layers {
		layers = append(layers, files[name])
	}
	return files[saved[0].Config], layers, nil
}

func readFiles(r io.Reader) (map[string][]byte, error) {
	files, links := map[string][]byte{}, map[string]string{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeSymlink { // docker save writes a layer once
			links[h.Name] = path.Join(path.Dir(h.Name), h.Linkname)
			continue
		}
		if files[h.Name], err = io.ReadAll(archive); err != nil {
			return nil, err
		}
	}
	for name, target := range links {
		files[name] = files[target]
	}
	return files, nil
}

func decompress(layer []byte) ([]byte, error) {
	if !bytes.HasPrefix(layer, []byte{0x1f, 0x8b}) {
		return layer, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// impliedDir is a directory that no layer has, but a file in it.
const impliedDir = `5 0755 0:0 ""`

// apply puts a layer on what is below it, as the image specification says.
func (t tree) apply(r io.Reader) error {
	added := tree{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean("/" + h.Name)
		dir, base := path.Split(name)
		switch {
		case base == ".wh..wh..opq":
			t.remove(path.Clean(dir), false)
			continue
		case strings.HasPrefix(base, ".wh."):
			t.remove(dir+strings.TrimPrefix(base, ".wh."), true)
			continue
		}
		for parent := path.Dir(name); parent != "/" && t[parent]+added[parent] == ""; parent = path.Dir(parent) {
			added[parent] = impliedDir
		}
		if h.Typeflag != tar.TypeDir {
			t.remove(name, true)
		}
		if h.Typeflag == tar.TypeLink {
			target := path.Clean("/" + h.Linkname)
			var ok bool
			if added[name], ok = added[target]; !ok {
				added[name] = t[target]
			}
			continue
		}
		if added[name], err = entry(h, archive); err != nil {
			return err
		}
	}
	maps.Copy(t, added)
	return nil
}

func (t tree) remove(name string, itself bool) {
	for p := range t {
		if p == name && itself || strings.HasPrefix(p, strings.TrimSuffix(name, "/")+"/") {
			delete(t, p)
		}
	}
}

// entry is all of a file that an image keeps: kind, mode, owner, where a link leads, content, and time of change
// of files to the second.
func entry(h *tar.Header, r io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", err
	}
	if h.Typeflag == tar.TypeSymlink {
		h.Mode = 0o777 // has none
	}
	text := fmt.Sprintf("%c %04o %d:%d %q", h.Typeflag, h.Mode&0o7777, h.Uid, h.Gid, h.Linkname)
	if h.Typeflag == tar.TypeReg {
		text += fmt.Sprintf(" %d %x %s", h.Size, sum.Sum(nil)[:8], h.ModTime.UTC().Format("2006-01-02T15:04:05"))
	}
	return text, nil
}

// byEngine are the paths that an engine makes in every container.
var byEngine = []string{"/", "/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf", "/etc", "/dev", "/proc", "/sys"}

// readExport reads what docker export gives.
func readExport(archive []byte) (tree, error) {
	t := tree{}
	if err := t.apply(bytes.NewReader(archive)); err != nil {
		return nil, err
	}
	return t.without(), nil
}

func (t tree) without() tree {
	out := maps.Clone(t)
	maps.DeleteFunc(out, func(p, _ string) bool { return slices.Contains(byEngine, p) || strings.HasPrefix(p, "/dev/") })
	return out
}

// diff lists the paths at which two trees differ.
func (t tree) diff(other tree) []string {
	var lines []string
	for _, p := range slices.Sorted(maps.Keys(t)) {
		if t[p] != other[p] {
			lines = append(lines, fmt.Sprintf("%s: want %s, got %s", p, t[p], other[p]))
		}
	}
	for _, p := range slices.Sorted(maps.Keys(other)) {
		if _, ok := t[p]; !ok {
			lines = append(lines, fmt.Sprintf("%s: want nothing, got %s", p, other[p]))
		}
	}
	return lines
}

// differs tells the first thing at which another image is not this one.
func (c imageConfig) differs(other imageConfig) error {
	a, b := reflect.ValueOf(c), reflect.ValueOf(other)
	for i := range a.NumField() {
		want, got := asJSON(a.Field(i).Interface()), asJSON(b.Field(i).Interface())
		if want != got {
			return fmt.Errorf("%s: want %s, got %s", a.Type().Field(i).Name, want, got)
		}
	}
	return nil
}
