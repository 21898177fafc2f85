package buildx

import (
	"strings"
	"testing"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func parseAll(names ...string) []ocispecs.Platform {
	var out []ocispecs.Platform
	for _, name := range names {
		out = append(out, platforms.MustParse(name))
	}
	return out
}

func TestIsNative(t *testing.T) {
	for pair, want := range map[string]bool{
		"linux/amd64 linux/amd64":      true,
		"linux/amd64 linux/amd64/v2":   true,
		"linux/amd64 linux/386":        true,
		"linux/amd64 linux/arm64":      false,
		"linux/arm64 linux/arm64/v8":   true,
		"linux/arm64 linux/arm/v7":     true,
		"linux/arm64 linux/amd64":      false,
		"linux/arm/v7 linux/arm64":     false,
		"linux/386 linux/amd64":        false,
		"linux/amd64 windows/amd64":    false,
		"linux/ppc64le linux/ppc64le":  true,
		"linux/riscv64 linux/mips64le": false,
	} {
		machine, p, _ := strings.Cut(pair, " ")
		assert.Equal(t, isNative(platforms.MustParse(machine), platforms.MustParse(p)), want, pair)
	}
}

const crossed = `FROM --platform=$BUILDPLATFORM golang AS build
RUN go build ./...
FROM busybox AS base-arm64
RUN echo   arm only, with a command that is longer than a line is wide
FROM busybox AS base-amd64
RUN echo amd
FROM busybox AS unused
RUN echo unused
FROM base-$TARGETARCH
COPY --from=build /app /app
RUN ["app", "--warm-up"]
RUN true
RUN false
`

func TestEmulations(t *testing.T) {
	web := targets.Target{Service: "web", Build: compose.Build{DockerfileInline: crossed}}
	here := placed{machine: platforms.MustParse("linux/amd64"), listed: true}
	all := emulations(web, "/shop", parseAll("linux/amd64", "linux/arm64"), []placed{here, here})
	assert.Equal(t, len(all), 1)
	assert.Equal(t, all[0].String(), `service "web": steps for linux/arm64 are emulated on linux/amd64, which is slow: `+
		`dockerfile_inline:4 RUN echo arm only, with a command th…, dockerfile_inline:11 RUN app --warm-up, dockerfile_inline:12 RUN true, 1 more`)

	there := placed{machine: platforms.MustParse("linux/arm64"), listed: true}
	assert.Equal(t, len(emulations(web, "/shop", parseAll("linux/arm64"), []placed{there})), 0)
	web.Build.DockerfileInline = "FROM --platform=$BUILDPLATFORM golang AS build\nRUN go build\nFROM scratch\nCOPY --from=build /app /\n"
	assert.Equal(t, len(emulations(web, "/shop", parseAll("linux/arm64"), []placed{here})), 0)
	web.Stage, web.Build.AdditionalContexts = "", map[string]string{"BUILD": "service:other"}
	web.Build.DockerfileInline = "FROM golang AS build\nRUN go build\nFROM scratch\nCOPY --from=build /app /\n"
	assert.Equal(t, len(emulations(web, "/shop", parseAll("linux/arm64"), []placed{here})), 0)
}

func TestEmulationsOfSeveralPlatforms(t *testing.T) {
	web := targets.Target{Service: "web", Build: compose.Build{DockerfileInline: "FROM busybox\nRUN true\n"}}
	here, none := placed{machine: platforms.MustParse("linux/amd64"), listed: true}, placed{machine: platforms.MustParse("linux/amd64")}
	all := emulations(web, "/shop", parseAll("linux/arm64", "linux/riscv64", "linux/s390x"), []placed{here, here, none})
	assert.Equal(t, len(all), 2)
	assert.Assert(t, strings.Contains(all[0].String(), "linux/arm64, linux/riscv64 are emulated"), all[0])
	assert.Assert(t, strings.Contains(all[1].String(), "linux/s390x need an emulator on linux/amd64, and the builder names none"), all[1])
	assert.Assert(t, strings.HasSuffix(emulationHint(all), "docker run --privileged --rm tonistiigi/binfmt --install s390x"))
	assert.Assert(t, strings.Contains(emulationHint(all[:1]), "$BUILDPLATFORM"))
}
