package buildx

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/moby/buildkit/client"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Result is what one build did.
type Result struct {
	Project string       `json:"project"`
	Kind    targets.Kind `json:"kind,omitempty"`
	Builder string       `json:"builder"`
	Started time.Time    `json:"started"`
	Seconds float64      `json:"seconds"`
	// Targets are those of the plan, without the linked ones.
	Targets []TargetResult `json:"targets"`
	Steps   []Step         `json:"steps"`
	// Warnings are what BuildKit's checks say of the Dockerfiles.
	Warnings []Warning `json:"warnings"`
	// Caches are what became of cache imports and exports.
	Caches []CacheUse `json:"caches"`
	// Work is what else was at work, and ContextBytes what was sent of local folders for it.
	Work         []Work `json:"-"`
	ContextBytes int64  `json:"-"`
}

// Warning is a finding of BuildKit in a Dockerfile.
type Warning struct {
	Message string `json:"message"`
	// File is the name of the Dockerfile as BuildKit knows it; Line counts from 1, 0 is unknown.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	URL  string `json:"url,omitempty"`
	// Place is where that is in the project, nil where it is not known.
	Place *Place `json:"place,omitempty"`
}

func warnings(p *targets.Plan, found []client.VertexWarning) []Warning {
	out := []Warning{}
	for _, f := range found {
		w := Warning{Message: string(f.Short), URL: f.URL, Place: warned(p, f)}
		if f.SourceInfo != nil {
			w.File = f.SourceInfo.Filename
		}
		if len(f.Range) > 0 && f.Range[0].Start != nil {
			w.Line = int(f.Range[0].Start.Line)
			w.Message = strings.TrimSuffix(w.Message, fmt.Sprintf(" (line %d)", w.Line))
		}
		out = append(out, w)
	}
	return out
}

// TargetResult is what became of one target.
type TargetResult struct {
	Service string `json:"service"`
	Stage   string `json:"stage,omitempty"`
	// Digest is that of the manifest or index; of the configuration where an engine knows images by that.
	Digest string `json:"digest,omitempty"`
	// Size is what a pull would bring where that is known, or else what the engine says, in bytes; 0 is unknown.
	Size int64 `json:"size,omitempty"`
	// Ref is the build's name in BuildKit's history.
	Ref    string   `json:"ref,omitempty"`
	Tags   []string `json:"tags"`
	Output string   `json:"output,omitempty"`
	// Cached and Steps count the lines of the Dockerfile that this build came to.
	Cached  int     `json:"cached"`
	Steps   int     `json:"steps"`
	Seconds float64 `json:"seconds"`
	// FetchedBytes came over the network for cached steps, and FetchedSeconds is how long that took.
	FetchedBytes   int64   `json:"fetchedBytes,omitempty"`
	FetchedSeconds float64 `json:"fetchedSeconds,omitempty"`
	Error          string  `json:"error,omitempty"`
	// Place is where the error comes from, nil where BuildKit does not say.
	Place *Place `json:"place,omitempty"`
	// Canceled targets were stopped because another failed or the user interrupted.
	Canceled bool `json:"canceled,omitempty"`
	// Metadata is the exporter's answer, as in the metadata file of docker buildx bake.
	Metadata map[string]any `json:"-"`
}

// metadata decodes an exporter's answer the way buildx writes its metadata file: values that are base64 of JSON
// become that JSON.
func metadata(response map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range response {
		out[k] = v
		text, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			continue
		}
		var object map[string]any
		var list []map[string]any
		if json.Unmarshal(text, &object) == nil && len(object) > 0 || json.Unmarshal(text, &list) == nil && len(list) > 0 {
			out[k] = json.RawMessage(text)
		}
	}
	return out
}

// elapsed returns the seconds from the first start to the last end of a service's steps.
func elapsed(steps []Step, service string) float64 {
	var first, last time.Time
	for _, s := range steps {
		if s.Service != service || s.Started.IsZero() {
			continue
		}
		if first.IsZero() || s.Started.Before(first) {
			first = s.Started
		}
		if end := s.Started.Add(time.Duration(s.Seconds * float64(time.Second))); end.After(last) {
			last = end
		}
	}
	if first.IsZero() {
		return 0
	}
	return last.Sub(first).Seconds()
}
