package usage

import (
	"regexp"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// pulled begins the description of a layer of an image.
const pulled = "pulled from "

// imageOf is the name and the digest in such a description.
func imageOf(description string) (name, digest string) {
	rest, _ := strings.CutPrefix(description, pulled)
	if i := strings.LastIndex(rest, "@"); i >= 0 && rest != description {
		return rest[:i], rest[i+1:]
	}
	return rest, ""
}

// isFrom finds what COPY, ADD or RUN --mount take files from.
var isFrom = regexp.MustCompile(`(?:--|,|=)from=([^\s,]+)`)

// imagesIn are the images, or stages, that a step takes files from: such an image is no step, so that no graph has it.
func imagesIn(s *steps.Step) []string {
	if !strings.Contains(s.Source, "from=") { // most do not
		return nil
	}
	var out []string
	for _, m := range isFrom.FindAllStringSubmatch(s.Source, -1) {
		out = append(out, strings.Trim(m[1], `"'`))
	}
	return out
}

// mayBe tells whether a name in a Dockerfile may stand for an image. With a variable in it, it may be any.
func mayBe(name, image string) bool {
	if strings.Contains(name, "$") {
		return true
	}
	name, _, pinned := strings.Cut(name, "@")
	repository, tag := splitTag(name)
	ofImage, tagOfImage := splitTag(image)
	return (pinned || tag == tagOfImage) && (repository == ofImage || strings.HasSuffix(ofImage, "/"+repository))
}

func splitTag(name string) (repository, tag string) {
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		return name[:i], name[i+1:]
	}
	return name, "latest"
}
