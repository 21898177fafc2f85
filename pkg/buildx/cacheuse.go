package buildx

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// CacheUse is what became of a cache import or export.
type CacheUse struct {
	// Kind is WorkImport or WorkCacheExport.
	Kind string `json:"kind"`
	// Service is empty where several share it.
	Service string `json:"service,omitempty"`
	// Name is the reference of an import; BuildKit names others by their type and a number, and exports by their type.
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	// Missing says that there was no cache to import.
	Missing bool `json:"missing,omitempty"`
	// Layers are how many the export has, those included that were there.
	Layers int    `json:"layers,omitempty"`
	Error  string `json:"error,omitempty"`
}

// exporting begins the names of cache exports, with the types they are of.
var exporting = map[string]string{
	"exporting cache to registry":         "registry",
	"exporting cache to client directory": "local",
	"exporting to GitHub Actions Cache":   "gha",
	"exporting cache to Amazon S3":        "s3",
	"exporting cache to Azure":            "azblob",
	"exporting content cache":             "cache", // of older BuildKits
}

// caches are what became of imports and exports, sorted. BuildKit imports once for all that are built together.
func (r *recorder) caches() []CacheUse {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []CacheUse{}
	for id, s := range r.steps {
		u := CacheUse{Service: id.service, Seconds: busy(s.times).Seconds(), Error: s.vertex.Error}
		if _, from, ok := strings.Cut(s.name, importing); ok {
			u.Kind, u.Name = WorkImport, from
			if u.Missing = notThere(u.Error); u.Missing {
				u.Error = ""
			}
		} else if u.Name = cacheExport(s.name); u.Name != "" {
			u.Kind, u.Layers = WorkCacheExport, len(s.layers)
		} else {
			continue
		}
		if s.vertex.Completed == nil {
			u.Error = cmp.Or(u.Error, "not finished")
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b CacheUse) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), -strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name), cmp.Compare(a.Seconds, b.Seconds))
	})
	return out
}

func cacheExport(name string) string {
	for begin, kind := range exporting {
		if strings.HasPrefix(name, begin) {
			return kind
		}
	}
	if name == "exporting cache" {
		return "cache"
	}
	return ""
}

// notThere tells of an import's error that there is no such cache.
func notThere(text string) bool { return strings.HasSuffix(text, "not found") }

// writing begins the name of a status for a layer of a cache export.
const writing = "writing layer "

// noteCache counts the layers of an export, and the bytes that come for a step.
func (s *span) noteCache(st *client.VertexStatus) {
	if layer, ok := strings.CutPrefix(st.ID, writing); ok {
		if s.layers == nil {
			s.layers = map[string]bool{}
		}
		s.layers[layer] = true
	}
	if strings.HasPrefix(st.ID, "sha256:") {
		if s.bytes == nil {
			s.bytes = map[string]int64{}
		}
		s.bytes[st.ID] = max(s.bytes[st.ID], st.Current)
	}
}

// fetchedFor is what came for the cached steps of a service: over the network, and from a cache.
func (r *recorder) fetchedFor(service string) (bytes int64, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var times []Interval
	for id, s := range r.steps {
		if id.service != service || !s.cached || !s.fetched || steps.IsFrom(s.name) || !steps.IsStep(s.name) {
			continue
		}
		for _, n := range s.bytes {
			bytes += n
		}
		times = append(times, s.times...)
	}
	return bytes, busy(times)
}
