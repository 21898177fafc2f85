//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// standIns are the images of Docker Hub that scripts build on. Here they are all busybox.
var standIns = []string{
	"library/alpine:3.20",
	"library/busybox:1.37",
	"library/debian:bookworm-slim",
	"library/node:22-slim",
	"library/python:3.13-slim",
}

// The fields of OCI images that are used here.
type (
	descriptor struct {
		MediaType string    `json:"mediaType"`
		Digest    string    `json:"digest"`
		Size      int       `json:"size"`
		Platform  *platform `json:"platform,omitempty"`
	}
	platform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	}
	manifest struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        *descriptor  `json:"config,omitempty"`
		Layers        []descriptor `json:"layers,omitempty"`
		Manifests     []descriptor `json:"manifests,omitempty"`
	}
	config struct {
		platform
		Config runConfig `json:"config"`
		RootFS rootFS    `json:"rootfs"`
	}
	runConfig struct {
		Env        []string          `json:"Env"`
		Entrypoint []string          `json:"Entrypoint,omitempty"`
		Cmd        []string          `json:"Cmd,omitempty"`
		Labels     map[string]string `json:"Labels,omitempty"`
	}
	rootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}
)

const (
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	certificate = "/etc/ssl/certs/ca-certificates.crt"
)

// fillRegistry pushes the stand-ins, and the image that buildx starts for its docker-container driver, made of
// the BuildKit that was built here.
func (w *world) fillRegistry() error {
	base, err := w.busybox()
	if err != nil {
		return err
	}
	for _, ref := range standIns {
		run := runConfig{Cmd: []string{"sh"}, Labels: map[string]string{"stand-in": ref}}
		if err := w.push(ref, run, base); err != nil {
			return fmt.Errorf("push %s: %w", ref, err)
		}
	}
	buildkit, err := w.buildkit()
	if err != nil {
		return err
	}
	const ref = "moby/buildkit:buildx-stable-1"
	if err := w.push(ref, runConfig{Entrypoint: []string{"buildkitd"}}, base, buildkit); err != nil {
		return fmt.Errorf("push %s: %w", ref, err)
	}
	return nil
}

func (w *world) busybox() (*layer, error) {
	l := newLayer()
	for _, dir := range []string{"bin", "dev", "etc", "proc", "root", "sys", "usr", "usr/bin", "var"} {
		l.add(tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755}, nil)
	}
	l.add(tar.Header{Name: "tmp", Typeflag: tar.TypeDir, Mode: 0o1777}, nil)
	l.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
	l.text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
	l.file(certificate, certificate)
	program := filepath.Join(w.bin, "debian/bin/busybox")
	l.file("bin/busybox", program)
	applets, err := exec.Command(program, "--list").Output()
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(string(applets)) {
		if name != "busybox" {
			l.add(tar.Header{Name: "bin/" + name, Typeflag: tar.TypeSymlink, Linkname: "busybox"}, nil)
		}
	}
	return l.close()
}

func (w *world) buildkit() (*layer, error) {
	l := newLayer()
	l.file("usr/bin/buildkitd", filepath.Join(w.bin, "tools/buildkitd"))
	l.file("usr/bin/buildctl", filepath.Join(w.bin, "tools/buildctl"))
	runc, err := exec.LookPath("runc")
	if err != nil {
		return nil, err
	}
	l.file("usr/bin/runc", runc)
	needed, err := libraries(runc)
	if err != nil {
		return nil, err
	}
	for _, path := range needed {
		l.file(path, path)
	}
	return l.close()
}

// layer is an image layer in the making.
type layer struct {
	compressed bytes.Buffer
	gz         *gzip.Writer
	tar        *tar.Writer
	sum        interface{ Sum([]byte) []byte }
	diffID     string
	err        error
}

func newLayer() *layer {
	l := &layer{}
	l.gz, _ = gzip.NewWriterLevel(&l.compressed, gzip.BestSpeed)
	sum := sha256.New()
	l.sum = sum
	l.tar = tar.NewWriter(io.MultiWriter(l.gz, sum))
	return l
}

func (l *layer) add(h tar.Header, content []byte) {
	if l.err != nil {
		return
	}
	h.Name, h.Size = strings.TrimPrefix(h.Name, "/"), int64(len(content))
	if l.err = l.tar.WriteHeader(&h); l.err == nil {
		_, l.err = l.tar.Write(content)
	}
}

func (l *layer) text(name, content string) {
	l.add(tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, []byte(content))
}

func (l *layer) file(name, source string) {
	content, err := os.ReadFile(source)
	if err != nil {
		l.err = err
		return
	}
	mode := int64(0o644)
	if info, err := os.Stat(source); err == nil && info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	l.add(tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode}, content)
}

func (l *layer) close() (*layer, error) {
	if l.err == nil {
		l.err = l.tar.Close()
	}
	if l.err == nil {
		l.err = l.gz.Close()
	}
	l.diffID = fmt.Sprintf("sha256:%x", l.sum.Sum(nil))
	return l, l.err
}

// push pushes an image of these layers as an index of two platforms; both hold this machine's programs, which is
// enough for builds that run nothing on the other.
func (w *world) push(ref string, run runConfig, layers ...*layer) error {
	repository, tag, _ := strings.Cut(ref, ":")
	run.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	var descriptors []descriptor
	var diffIDs []string
	for _, l := range layers {
		d, err := w.pushBlob(repository, ociLayer, l.compressed.Bytes())
		if err != nil {
			return err
		}
		descriptors, diffIDs = append(descriptors, d), append(diffIDs, l.diffID)
	}
	index := manifest{SchemaVersion: 2, MediaType: ociIndex}
	for _, architecture := range []string{"amd64", "arm64"} {
		p := platform{Architecture: architecture, OS: "linux"}
		c, err := json.Marshal(config{platform: p, Config: run, RootFS: rootFS{Type: "layers", DiffIDs: diffIDs}})
		if err != nil {
			return err
		}
		d, err := w.pushBlob(repository, ociConfig, c)
		if err != nil {
			return err
		}
		m := manifest{SchemaVersion: 2, MediaType: ociManifest, Config: &d, Layers: descriptors}
		if d, err = w.pushManifest(repository, "", m); err != nil {
			return err
		}
		d.Platform = &p
		index.Manifests = append(index.Manifests, d)
	}
	_, err := w.pushManifest(repository, tag, index)
	return err
}

func (w *world) pushBlob(repository, mediaType string, blob []byte) (descriptor, error) {
	d := describe(mediaType, blob)
	response, err := http.Post("http://"+w.registry+"/v2/"+repository+"/blobs/uploads/", "", nil)
	if err != nil {
		return d, err
	}
	_ = response.Body.Close()
	location, err := response.Location()
	if err != nil {
		return d, err
	}
	query := location.Query()
	query.Set("digest", d.Digest)
	location.RawQuery = query.Encode()
	return d, put(location, "application/octet-stream", blob)
}

// pushManifest pushes a manifest by tag, or by digest when the tag is empty.
func (w *world) pushManifest(repository, tag string, m manifest) (descriptor, error) {
	content, err := json.Marshal(m)
	if err != nil {
		return descriptor{}, err
	}
	d := describe(m.MediaType, content)
	if tag == "" {
		tag = d.Digest
	}
	location := &url.URL{Scheme: "http", Host: w.registry, Path: "/v2/" + repository + "/manifests/" + tag}
	return d, put(location, m.MediaType, content)
}

func describe(mediaType string, content []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(content)), Size: len(content)}
}

func put(location *url.URL, contentType string, content []byte) error {
	request, err := http.NewRequest(http.MethodPut, location.String(), bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		answer, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s: %s", response.Status, answer)
	}
	return nil
}
