package edit

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// images answers every question for an image alike.
type images struct{}

func (images) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(`{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"]}}`), nil
}

func (images) ResolveSourceMetadata(context.Context, *pb.SourceOp, sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return nil, os.ErrInvalid
}

// graph is that of the Dockerfile in a folder; contexts are folders by name.
func graph(t testing.TB, dir, service, target string, contexts map[string]string) *steps.Graph {
	t.Helper()
	attrs := map[string]string{"target": target}
	folders := map[string]string{"context": dir}
	for name, folder := range contexts {
		attrs["context:"+name] = "local:" + name
		folders[name] = folder
	}
	res, err := frontend.Convert(context.Background(), frontend.Request{
		Attrs: attrs, Builder: frontend.Unknown(), Images: images{},
		Read: func(folder, file string) ([]byte, error) {
			if of, known := folders[folder]; known {
				return frontend.ReadFile(of, file)
			}
			return frontend.ReadFile(dir, file)
		},
	})
	assert.NilError(t, err)
	g, err := steps.New(context.Background(), steps.Source{
		Service: service, Definition: res.Graphs[0].Definition, Image: res.Graphs[0].Image, Folders: folders,
		Dockerfile: filepath.Join(dir, "Dockerfile"),
	}, steps.NewContents(steps.NewDisk("")), steps.Rules{})
	assert.NilError(t, err)
	return g
}

// write makes files; a text "!" makes an executable script.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		mode := os.FileMode(0o644)
		if text == "!" {
			mode, text = 0o755, "#!/bin/sh\n"
		}
		assert.NilError(t, os.WriteFile(file, []byte(text), mode))
	}
}

// some are files with nothing particular in them.
func some(names string) map[string]string {
	out := map[string]string{}
	for name := range strings.FieldsSeq(names) {
		out[name] = "x\n"
	}
	return out
}

func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		name, dockerfile, files string
		// source and deps are "PATH LINE"; note is a part of what is said beside.
		source, deps, note string
	}{
		{
			name: "Go", dockerfile: "FROM golang AS build\nWORKDIR /src\nCOPY go.mod go.sum ./\nRUN go mod download\nCOPY . .\nRUN go build ./cmd/web\nFROM scratch\nCOPY --from=build /web /\n",
			files:  "go.mod go.sum cmd/other/main.go cmd/web/main.go internal/a.go internal/a_test.go web/index.html web/a.css tool.go",
			source: "cmd/web/main.go 5", deps: "go.mod 3",
		},
		{
			name: "bind mounts", dockerfile: "FROM golang AS build\nRUN --mount=type=bind,source=go.sum,target=go.sum --mount=type=bind,source=go.mod,target=go.mod go mod download\nRUN --mount=type=bind,target=/src go build\nFROM scratch\nCOPY --from=build /web /\n",
			files: "go.mod go.sum main.go a.go", source: "main.go 3", deps: "go.mod 2",
		},
		{
			name: "Node", dockerfile: "FROM node\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\n",
			files:  "package.json package-lock.json src/index.ts src/api/routes.ts src/index.test.ts vite.config.ts scripts/app.ts README.md",
			source: "src/index.ts 4", deps: "package.json 2",
		},
		{
			name: "workspaces", dockerfile: "FROM node\nCOPY pnpm-lock.yaml ./\nCOPY packages/web/package.json packages/web/\nCOPY package.json ./\nRUN pnpm i\nCOPY packages packages\nRUN pnpm build\n",
			files:  "package.json pnpm-lock.yaml packages/web/package.json packages/web/src/main.tsx packages/ui/src/index.ts packages/ui/src/main.ts",
			source: "packages/web/src/main.tsx 6", deps: "package.json 4",
		},
		{
			name: "everything at once", dockerfile: "FROM node\nCOPY . .\nRUN npm ci && npm run build\n",
			files:  "package.json package-lock.json server.js lib/a.js lib/b.js lib/c.js lib/d.js",
			source: "server.js 2", deps: "package.json 2", note: "line 2 takes package.json together with the source",
		},
		{
			name: "Python", dockerfile: "FROM python\nCOPY requirements/ requirements/\nRUN pip install -r requirements/prod.txt\nCOPY . .\n",
			files:  "requirements/prod.txt requirements/base.txt shop/app.py shop/models.py shop/migrations/app.py tests/test_app.py manage.sh static/a.js",
			source: "shop/app.py 4", deps: "requirements/base.txt 2",
		},
		{
			name: "uv", dockerfile: "FROM python\nRUN --mount=type=bind,source=uv.lock,target=uv.lock --mount=type=bind,source=pyproject.toml,target=pyproject.toml uv sync --locked\nADD . /app\nRUN uv sync\n",
			files:  "uv.lock pyproject.toml src/shop/__main__.py src/shop/web.py",
			source: "src/shop/__main__.py 3", deps: "pyproject.toml 2",
		},
		{
			name: "Maven", dockerfile: "FROM maven\nCOPY pom.xml .\nRUN mvn dependency:go-offline\nCOPY src src\nRUN mvn package\n",
			files:  "pom.xml src/main/java/org/shop/ShopApplication.java src/main/java/org/shop/Cart.java src/main/resources/app.yaml src/test/java/org/shop/ShopApplication.java",
			source: "src/main/java/org/shop/ShopApplication.java 4", deps: "pom.xml 2",
		},
		{
			name: "Gradle", dockerfile: "FROM gradle\nCOPY gradlew *.gradle.kts gradle.properties ./\nCOPY gradle gradle\nRUN ./gradlew deps\nCOPY . .\nRUN ./gradlew build\n",
			files:  "gradlew build.gradle.kts settings.gradle.kts gradle.properties gradle/wrapper.properties src/main/kotlin/App.kt src/main/kotlin/Cart.kt",
			source: "src/main/kotlin/App.kt 5", deps: "build.gradle.kts 2",
		},
		{
			name: "Rust", dockerfile: "FROM rust\nCOPY Cargo.toml Cargo.lock ./\nRUN mkdir src && echo 'fn main(){}' >src/main.rs && cargo build\nCOPY src src\nRUN cargo build --release\n",
			files: "Cargo.toml Cargo.lock src/main.rs src/lib.rs src/bin/tool.rs", source: "src/main.rs 4", deps: "Cargo.toml 2",
		},
		{
			name: ".NET", dockerfile: "FROM dotnet\nCOPY Shop.Api/*.csproj Shop.Api/\nRUN dotnet restore Shop.Api\nCOPY . .\nRUN dotnet publish\n",
			files: "Shop.Api/Shop.Api.csproj Shop.Api/Program.cs Shop.Api/Cart.cs Shop.sln", source: "Shop.Api/Program.cs 4", deps: "Shop.Api/Shop.Api.csproj 2",
		},
		{
			name: "Ruby", dockerfile: "FROM ruby\nCOPY Gemfile Gemfile.lock ./\nRUN bundle install\nCOPY . .\n",
			files: "Gemfile Gemfile.lock app/cart.rb app/shop.rb config/application.rb spec/cart_spec.rb", source: "app/cart.rb 4", deps: "Gemfile 2",
		},
		{
			name: "PHP", dockerfile: "FROM php\nCOPY composer.* .\nRUN composer install\nCOPY . .\n",
			files: "composer.json composer.lock public/index.php src/Cart.php vendor/a/index.php", source: "public/index.php 4", deps: "composer.json 2",
		},
		{
			name: "an unknown list", dockerfile: "FROM debian\nCOPY tools.conf install.sh /tmp/\nRUN sh /tmp/install.sh\nCOPY . .\nRUN make\n",
			files: "tools.conf install.sh main.c a.c a.h", source: "main.c 4", deps: "tools.conf 2",
		},
		{
			name: "what is no list", dockerfile: "FROM debian\nCOPY entrypoint.sh /\nRUN install-things\nCOPY run.conf /\nRUN chmod +x /entrypoint.sh\nCOPY . .\n",
			files: "entrypoint.sh run.conf main.c a.c a.h", source: "main.c 6", note: "no list of dependencies",
		},
		{
			name: "ignored", dockerfile: "FROM node\nCOPY . .\nRUN make\n", files: ".dockerignore=package.json,src/main.js package.json src/main.js src/b.js",
			source: "src/b.js 2", note: "no list of dependencies",
		},
		{
			name: "another stage", dockerfile: "FROM node AS other\nCOPY package.json .\nRUN npm ci\nFROM node\nCOPY src src\n", files: "package.json src/a.js",
			source: "src/a.js 5", note: "no list of dependencies",
		},
		{name: "data", dockerfile: "FROM node\nCOPY . .\n", files: "a.png README.md", note: "no step takes files that look like source code"},
		{name: "nothing", dockerfile: "FROM node\nRUN a\n", note: "no step takes a file of the build context"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			files := some(tc.files)
			for name := range files {
				if file, ignored, ok := strings.Cut(name, "="); ok {
					delete(files, name)
					files[file] = strings.ReplaceAll(ignored, ",", "\n")
				}
			}
			files["Dockerfile"] = tc.dockerfile
			write(t, dir, files)
			c := Choose(graph(t, dir, "web", "", nil), dir)
			assert.Equal(t, told(c.Source), tc.source)
			assert.Equal(t, told(c.Deps), tc.deps)
			assert.Assert(t, strings.Contains(strings.Join(c.Notes, "\n"), tc.note), "%v", c.Notes)
			assert.Equal(t, len(c.Notes) == 0, tc.note == "", "%v", c.Notes)
		})
	}
}

func told(c *Choice) string {
	if c == nil {
		return ""
	}
	return c.Path + " " + string(rune('0'+c.Line))
}

// Of two folders with a file of the same name, only the build context counts.
func TestChooseKnowsContexts(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{"Dockerfile": "FROM node\nCOPY --from=lib package.json a.js /\nRUN a\nCOPY a.js /\n", "a.js": "x", "package.json": "{}"})
	write(t, other, map[string]string{"a.js": "other", "package.json": "{\"other\": 1}"})
	c := Choose(graph(t, dir, "web", "", map[string]string{"lib": other}), dir)
	assert.Equal(t, told(c.Source), "a.js 4")
	assert.Assert(t, c.Deps == nil)
	assert.Equal(t, c.Source.Why, "the source file that line 4 takes")
	assert.Equal(t, c.Source.Step, "[stage-0 3/4] COPY a.js /")
}

func TestChooseInTheExample(t *testing.T) {
	shop, err := filepath.Abs("../../examples/shop")
	assert.NilError(t, err)
	empty := t.TempDir()
	write(t, empty, some("bin/busybox"))
	contexts := map[string]string{"busybox": empty, "packages": filepath.Join(shop, "packages")}
	for _, tc := range []struct{ service, target, source, deps string }{
		{"web", "production", "site/index.html", "packages.txt"},
		{"web", "development", "site/index.html", "packages.txt"},
		{"api", "production", "cgi-bin/price", "packages.txt"},
		{"api", "development", "cgi-bin/price", "packages.txt"},
	} {
		dir := filepath.Join(shop, tc.service)
		c := Choose(graph(t, dir, tc.service, tc.target, contexts), dir)
		assert.Assert(t, c.Source != nil && c.Deps != nil, "%s %s: %v", tc.service, tc.target, c.Notes)
		assert.Equal(t, c.Source.Path, tc.source, tc.target)
		assert.Equal(t, c.Deps.Path, tc.deps, tc.target)
	}
}
