package targets

import (
	"testing"

	"gotest.tools/v3/assert"
)

const crossed = `ARG FLAVOR=slim
FROM --platform=$BUILDPLATFORM golang AS tools
RUN go install tool
FROM --platform=${BUILDPLATFORM} golang AS build
RUN --mount=from=tools,target=/tools --mount=type=cache,target=/c go build \
    ./...
FROM busybox AS base-slim
RUN ["echo", "slim"]
FROM busybox AS base-fat
RUN echo fat
FROM --platform=linux/s390x build AS unused
RUN echo unused
FROM base-$FLAVOR AS app
COPY --from=build /app /
`

func TestTakes(t *testing.T) {
	none := func(string) bool { return false }
	d := ParseDockerfileWith("", []byte(crossed), map[string]string{"BUILDPLATFORM": "linux/amd64"})
	assert.DeepEqual(t, d.Takes("", none), []int{0, 1, 2, 5})
	assert.DeepEqual(t, d.Takes("tools", none), []int{0})
	assert.DeepEqual(t, d.Takes("", func(name string) bool { return name == "build" }), []int{2, 5})
	assert.Assert(t, d.Takes("nosuch", none) == nil)
	assert.DeepEqual(t, d.Stages[1].Runs, []Run{{5, "go build     ./..."}})
	assert.DeepEqual(t, d.Stages[2].Runs, []Run{{8, "echo slim"}})

	fat := ParseDockerfileWith("", []byte(crossed), map[string]string{"FLAVOR": "fat"})
	assert.DeepEqual(t, fat.Takes("app", none), []int{0, 1, 3, 5}) // what is given comes before the default
}

func TestPlatformOf(t *testing.T) {
	d := ParseDockerfileWith("", []byte(crossed), map[string]string{"BUILDPLATFORM": "linux/amd64"})
	assert.Equal(t, d.PlatformOf(1), "linux/amd64")
	assert.Equal(t, d.PlatformOf(4), "linux/amd64", "that of the stage it is built on")
	assert.Equal(t, d.PlatformOf(5), "")
}
