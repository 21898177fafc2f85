//go:build e2e

package e2e

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ciSubject is a project to be measured: written for a peer under image names of its own, and edited.
type ciSubject struct {
	name  string
	write func(dir, images string) error
	// edit changes a source file that only the last steps need.
	edit func(dir string, round int) error
	args []string
}

// shopSubject is examples/shop.
func shopSubject(bin string) ciSubject {
	return ciSubject{
		name: "shop",
		write: func(dir, images string) error {
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(bin, "../examples/shop"))); err != nil {
				return err
			}
			file := filepath.Join(dir, "compose.yaml")
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "image: shop-", "image: "+images+"/shop-")), 0o644)
		},
		edit: func(dir string, round int) error {
			return appendLine(filepath.Join(dir, "web/site/index.html"), fmt.Sprintf("<!-- %d -->", round))
		},
	}
}

// realSubject installs packages of Debian and of npm, and compiles. Both services have one Dockerfile.
func realSubject(proxy string) ciSubject {
	return ciSubject{
		name: "apt-npm",
		args: []string{"--build-arg", "http_proxy=" + proxy}, // not part of any key
		write: func(dir, images string) error {
			files := map[string]string{
				"compose.yaml": fmt.Sprintf(`services:
  web: {image: %[1]s/web, build: {context: ., target: web}}
  jobs: {image: %[1]s/jobs, build: {context: ., target: jobs}}
`, images),
				"Dockerfile": realDockerfile,
				"package.json": `{"name": "shop", "version": "1.0.0", "private": true,
 "dependencies": {"express": "4.21.2", "react": "18.3.1", "react-dom": "18.3.1", "lodash": "4.17.21"},
 "devDependencies": {"typescript": "5.7.3", "@types/express": "4.17.21", "@types/react": "18.3.18", "@types/lodash": "4.17.15",
  "@types/node": "18.19.74", "eslint": "8.57.1"}}
`,
				"tsconfig.json": `{"compilerOptions": {"outDir": "dist", "module": "commonjs", "target": "es2020", "esModuleInterop": true, "strict": true},
 "include": ["src"]}
`,
				".dockerignore": "Dockerfile\ncompose.yaml\n",
			}
			main := "import express from 'express';\nimport _ from 'lodash';\nimport * as React from 'react';\nexport const app = express();\n"
			for i := range 100 {
				files[fmt.Sprintf("src/m%d.ts", i)] = fmt.Sprintf("import _ from 'lodash';\nexport const m%d = _.chunk(_.range(%[1]d), 3).map((c) => c.length);\n", i)
				main += fmt.Sprintf("import { m%d } from './m%[1]d';\napp.get('/%[1]d', (_q, s) => { s.json(m%[1]d); });\n", i)
			}
			files["src/main.ts"] = main + "console.log(_.now(), React.version);\n"
			for path, text := range files {
				if err := writeFile(filepath.Join(dir, path), []byte(text)); err != nil {
					return err
				}
			}
			return nil
		},
		edit: func(dir string, round int) error {
			return appendLine(filepath.Join(dir, "src/main.ts"), fmt.Sprintf("console.log(%d);", round))
		},
	}
}

const realDockerfile = `FROM debian:bookworm AS base
ENV PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH
RUN apt-get update && apt-get install -y --no-install-recommends nodejs && rm -rf /var/lib/apt/lists/*
WORKDIR /app
FROM base AS tools
RUN apt-get update && apt-get install -y --no-install-recommends curl git python3 && rm -rf /var/lib/apt/lists/*
RUN mkdir /npm && curl -f http://registry.npmjs.org/npm/-/npm-9.9.4.tgz | tar -xzC /npm --strip-components 1 \
 && ln -s /npm/bin/npm-cli.js /usr/local/bin/npm && ln -s /npm/bin/npx-cli.js /usr/local/bin/npx
FROM tools AS deps
COPY package.json ./
RUN npm install --registry http://registry.npmjs.org/ --no-audit --no-fund
FROM deps AS build
COPY tsconfig.json ./
COPY src src
RUN npx tsc
FROM tools AS packages
COPY package.json ./
RUN npm install --registry http://registry.npmjs.org/ --no-audit --no-fund --omit dev
FROM base AS web
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
CMD ["node", "dist/main.js"]
FROM base AS jobs
COPY --from=build /app/dist dist
RUN cp dist/main.js dist/jobs.js
CMD ["node", "dist/jobs.js"]
`

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// pushDebian pushes a small Debian, made by debootstrap once, as Docker Hub's.
func pushDebian(t testing.TB, w *world, proxy string) {
	t.Helper()
	kept := filepath.Join(os.Getenv("E2E_MIRROR"), "debian.tar")
	if _, err := os.Stat(kept); err != nil {
		root := t.TempDir()
		script := `debootstrap --variant=minbase bookworm "$1/root" http://deb.debian.org/debian && echo force-unsafe-io >"$1/root/etc/dpkg/dpkg.cfg.d/docker" && tar -C "$1/root" --numeric-owner -cf "$2.part" . && mv "$2.part" "$2"`
		cmd := exec.Command("sh", "-ec", script, "sh", root, kept)
		cmd.Env = append(os.Environ(), "http_proxy="+proxy)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("debootstrap: %v\n%s", err, out)
		}
	}
	l, err := tarLayer(kept)
	if err == nil {
		err = w.push("library/debian:bookworm", runConfig{Cmd: []string{"bash"}}, l)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tarLayer is a layer of what is in a tar file.
func tarLayer(path string) (*layer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l := newLayer()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return l.close()
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		l.add(*h, content)
	}
}
