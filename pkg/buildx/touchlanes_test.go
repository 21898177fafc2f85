package buildx

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestLanes(t *testing.T) {
	image, text := sourceNode("docker-image://node@sha256:18"), fileNode("[internal] preparing inline document")
	web, api, tools := sourceNode("local://web"), sourceNode("local://api"), sourceNode("https://example.com/tools")
	webDeps, apiDeps := fileNode("[web 1/2] COPY . /", image, web), fileNode("[api 1/3] COPY . /", image, api)
	other := fileNode("[jobs 1/1] COPY <<END /", image, text)
	fetched, copied := fileNode("[tools 1/1] COPY", tools), fileNode("[lint 1/1] COPY", tools)
	apiTools := fileNode("[api 2/3] COPY --from=tools / /", apiDeps, fetched)
	webEnd := fileNode("[web 2/2] WORKDIR /srv", webDeps)
	lanes := lanesOf([]*node{image, text, web, webDeps, api, other, tools, apiDeps, fetched, copied, apiTools, webEnd})
	assert.Equal(t, len(lanes), 5)
	for i, want := range [][]*node{{image}, {text}, {web, webDeps, webEnd}, {api, tools, apiDeps, fetched, copied, apiTools}, {other}} {
		assert.Equal(t, len(lanes[i]), len(want))
		for k, n := range want {
			assert.Assert(t, lanes[i][k] == n, "%d: %s", i, lanes[i][k].name)
		}
	}
}
