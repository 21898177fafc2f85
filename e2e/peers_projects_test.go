//go:build e2e

package e2e

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A project is the recipe for a folder with Compose files. Copies of different names share no content, so that no peer
// finds another's in the builder's cache or the engine.
type project struct {
	name     string
	services int
	megabyte int  // of a layer that doesn't compress, in every image
	equal    bool // all services have one build
	shared   bool // one context for all, of which each copies its folder
	files    int  // in the context, beside
	git      bool // the folder is a git repository
}

var (
	image300  = project{name: "image300", services: 1, megabyte: 300}
	equal8    = project{name: "equal8", services: 8, megabyte: 150, equal: true}
	monorepo  = project{name: "monorepo", services: 20, shared: true}
	inGit     = project{name: "git", services: 20, git: true}
	manyFiles = project{name: "files", services: 1, files: 50_000}
)

func different(services int) project {
	return project{name: fmt.Sprintf("different%d", services), services: services}
}

// images are the names of all images of a copy.
func (p project) images(dir string) []string {
	var names []string
	for i := range p.services {
		names = append(names, fmt.Sprintf("%s-s%d", filepath.Base(dir), i))
	}
	return names
}

// write makes a copy of the project.
func (p project) write(dir string) error {
	var prod, dev strings.Builder
	prod.WriteString("services:\n")
	dev.WriteString("services:\n")
	for i, image := range p.images(dir) {
		service := fmt.Sprintf("s%d", i)
		context, folder := service, service // the folder is where a service's files are
		dockerfile := "Dockerfile"
		switch {
		case p.services == 1 || p.equal:
			context, folder = ".", "."
		case p.shared:
			context, dockerfile = ".", service+"/Dockerfile"
		}
		fmt.Fprintf(&prod, "  %s:\n    image: %s\n    build: {context: %s, dockerfile: %s, target: prod}\n", service, image, context, dockerfile)
		fmt.Fprintf(&dev, "  %s:\n    build: {target: dev}\n", service)
		if p.equal && i > 0 {
			continue
		}
		if err := p.writeService(filepath.Join(dir, folder), image, p.prefix(folder)); err != nil {
			return err
		}
	}
	for i := range p.files {
		path := filepath.Join(dir, "many", fmt.Sprint(i/100), fmt.Sprint(i%100))
		if err := writeFile(path, []byte(fmt.Sprintln(path, i))); err != nil {
			return err
		}
	}
	for file, text := range map[string]string{"compose.yaml": prod.String(), "dev.yaml": dev.String()} {
		if err := writeFile(filepath.Join(dir, file), []byte(text)); err != nil {
			return err
		}
	}
	if !p.git {
		return nil
	}
	script := "git init -q && git add . && git -c user.name=e2e -c user.email=e2e@localhost commit -q -m all"
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", script, err, out)
	}
	return nil
}

// prefix is where a service's files are, seen from its context.
func (p project) prefix(folder string) string {
	if p.shared {
		return folder + "/"
	}
	return ""
}

// writeService writes a Dockerfile of four stages and what they copy.
func (p project) writeService(dir, image, prefix string) error {
	var extra string
	if p.megabyte > 0 {
		extra += "COPY big /big\n"
		if err := writeBig(p, dir, image); err != nil {
			return err
		}
	}
	if p.files > 0 {
		extra += "COPY many /many\n"
	}
	dockerfile := strings.NewReplacer("@", prefix, "EXTRA\n", extra).Replace(`FROM busybox:1.37 AS deps
COPY @deps /deps
EXTRA
FROM deps AS build
COPY @src /src
FROM deps AS dev
COPY @src /dev
FROM deps AS prod
COPY --from=build /src /app
`)
	for file, content := range map[string]string{"Dockerfile": dockerfile, "deps": "of " + image, "src/small": "of " + image} {
		if err := writeFile(filepath.Join(dir, file), []byte(content)); err != nil {
			return err
		}
	}
	return nil
}

// writeBig writes the file of which the large layer is made; seed decides its content.
func writeBig(p project, dir, seed string) error {
	content := make([]byte, p.megabyte*1_000_000)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(seed))).Read(content)
	return writeFile(filepath.Join(dir, "big"), content)
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// editSmall changes a file that only the last steps need.
func editSmall(_ project, dir, round string) error {
	return writeFile(filepath.Join(dir, "src/small"), []byte(round+" of "+dir))
}

// editAll changes every file that goes into an image, so that nothing is left of earlier builds but the base image.
func editAll(p project, dir, round string) error {
	if err := writeFile(filepath.Join(dir, "deps"), []byte(round+" of "+dir)); err != nil {
		return err
	}
	if err := writeBig(p, dir, filepath.Base(dir)+round); err != nil {
		return err
	}
	return editSmall(p, dir, round)
}

// editOneFile changes one of many files.
func editOneFile(_ project, dir, round string) error {
	return writeFile(filepath.Join(dir, "many/7/7"), []byte(round+" of "+dir))
}
