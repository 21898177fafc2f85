package targets

import (
	"encoding/csv"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

// tags are the names of a service's image, in Docker Compose's order. A kind is added as the tag of an image that has
// none, so that both kinds can be kept side by side.
func tags(project string, s compose.Service, k Kind) []string {
	name := s.Image
	if name == "" {
		name = project + "-" + s.Name
	}
	list := append(slices.Concat([]string{}, s.Build.Tags), name)
	if k != "" && !hasTag(name) {
		list = append(list, name+":"+string(k))
	}
	var unique []string
	for _, tag := range list {
		if !slices.Contains(unique, tag) {
			unique = append(unique, tag)
		}
	}
	return unique
}

// hasTag tells whether an image name ends in a tag or digest; the port of a registry is neither.
func hasTag(image string) bool {
	return strings.ContainsAny(image[strings.LastIndexByte(image, '/')+1:], ":@")
}

// platforms are those of the build section, or the one the service runs on.
func platforms(s compose.Service) ([]string, error) {
	switch {
	case len(s.Build.Platforms) == 0 && s.Platform == "":
		return []string{}, nil
	case len(s.Build.Platforms) == 0:
		return []string{s.Platform}, nil
	case s.Platform != "" && !slices.Contains(s.Build.Platforms, s.Platform):
		return nil, fmt.Errorf("build.platforms does not include platform %q", s.Platform)
	}
	return slices.Clone(s.Build.Platforms), nil
}

// caches writes the entries of cache_from or cache_to as --cache-from takes them: bare image names get a type, and
// folders are taken from the project directory, not from the working directory.
func caches(dir string, entries []string) []string {
	list := []string{}
	for _, entry := range entries {
		if !strings.Contains(entry, "=") {
			for ref := range strings.SplitSeq(entry, ",") {
				list = append(list, "type=registry,ref="+strings.TrimSpace(ref))
			}
			continue
		}
		list = append(list, absoluteCache(dir, entry))
	}
	return list
}

func absoluteCache(dir, entry string) string {
	fields, ok := cacheFields(entry)
	if !ok || cacheValue(fields, "type") != "local" {
		return entry
	}
	for i, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		isPath := strings.EqualFold(key, "src") || strings.EqualFold(key, "dest")
		if isPath && value != "" && !filepath.IsAbs(value) {
			fields[i] = key + "=" + filepath.Join(dir, value)
		}
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(fields); err != nil {
		return entry
	}
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// cacheFields are the key=value fields of a cache entry; a path with a comma in it is quoted.
func cacheFields(entry string) ([]string, bool) {
	fields, err := csv.NewReader(strings.NewReader(entry)).Read()
	return fields, err == nil
}

func cacheValue(fields []string, key string) string {
	for _, f := range fields {
		if k, value, ok := strings.Cut(f, "="); ok && strings.EqualFold(strings.TrimSpace(k), key) {
			return value
		}
	}
	return ""
}

// clone is a build section that shares nothing with b that could be written to.
func clone(b compose.Build) compose.Build {
	for _, m := range []*map[string]string{&b.Args, &b.AdditionalContexts, &b.Labels} {
		*m = maps.Clone(*m)
	}
	for _, list := range []*[]string{&b.CacheFrom, &b.CacheTo, &b.Platforms, &b.Tags, &b.NoCacheFilter, &b.Entitlements} {
		*list = slices.Clone(*list)
	}
	b.Secrets, b.SSH = slices.Clone(b.Secrets), slices.Clone(b.SSH)
	b.Ulimits, b.ExtraHosts = maps.Clone(b.Ulimits), maps.Clone(b.ExtraHosts)
	for host, addresses := range b.ExtraHosts {
		b.ExtraHosts[host] = slices.Clone(addresses)
	}
	return b
}
