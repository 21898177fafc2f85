package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/go-units"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
)

// jobOf is what a CI says of the job that this runs in, and whether the job is logged in to its registry.
func jobOf(cli command.Cli) cache.CI {
	c := cache.JobOf(os.Getenv, os.ReadFile)
	if c.Repository != "" {
		login, err := cli.ConfigFile().GetAuthConfig(c.Host)
		c.LoggedIn = err == nil && (login.Username != "" || login.IdentityToken != "" || login.RegistryToken != "")
	}
	return c
}

// cacheTimeout is how long a cache may take to answer; 0 leaves it to the builder.
func cacheTimeout() (time.Duration, error) {
	text := os.Getenv("CATMANDU_CACHE_TIMEOUT")
	if text == "" {
		return 0, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait <= 0 {
		return 0, usageError("CATMANDU_CACHE_TIMEOUT=%s: must be a time, such as 30s", text)
	}
	return wait, nil
}

// printCacheUse tells of every build what its imports brought and what its export cost, where there were any.
func printCacheUse(w io.Writer, s *cache.Settings, r *buildx.Result) error {
	lines := failedUses(r.Caches)
	for _, b := range s.Builds {
		if text := cacheSentence(b, s, r); text != "" {
			lines = append(lines, "cache of "+strings.Join(b.Services, ", ")+": "+text)
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// failedUses say what went wrong with caches, once for each reason: a registry that is broken is broken for all.
func failedUses(all []buildx.CacheUse) []string {
	var out []string
	var more []int
	first := map[string]int{}
	for _, u := range all {
		if u.Error == "" {
			continue
		}
		reason, _, _ := strings.Cut(u.Error, "\n")
		key := u.Kind + reason[strings.LastIndex(reason, ": ")+1:]
		if i, known := first[key]; known {
			more[i]++
			continue
		}
		first[key] = len(out)
		out, more = append(out, "warning: "+failedUse(u, reason)), append(more, 0)
	}
	for i, n := range more {
		if n > 0 {
			out[i] += fmt.Sprintf(" (and %d more)", n)
		}
	}
	return out
}

func failedUse(u buildx.CacheUse, reason string) string {
	what := "cache " + u.Name + " was not imported"
	if u.Kind != buildx.WorkImport {
		what = "the cache was not exported (type=" + u.Name + ")"
	}
	if u.Service != "" {
		what = fmt.Sprintf("service %q: ", u.Service) + what
	}
	return what + ": " + strings.TrimPrefix(reason, "failed to configure registry cache importer: ")
}

// cacheSentence is what the caches did for a build.
func cacheSentence(b cache.Build, s *cache.Settings, r *buildx.Result) string {
	var from, missing, parts []string
	seconds := 0.0
	for _, u := range r.Caches {
		if u.Kind != buildx.WorkImport || u.Error != "" || !of(u, b, r) {
			continue
		}
		seconds = max(seconds, u.Seconds) // they are asked at once
		if u.Missing {
			missing = append(missing, s.Short(b, u.Name))
			continue
		}
		for _, name := range joinedFrom(b, u.Name) {
			from = append(from, s.Short(b, name))
		}
	}
	slices.Sort(from)
	from = slices.Compact(from)
	if len(from) > 0 {
		parts = append(parts, fmt.Sprintf("from %s in %.1f s%s", strings.Join(from, ", "), seconds, brought(b, r)))
	} else if len(missing) > 0 {
		parts = append(parts, "none there yet")
	}
	for _, u := range r.Caches {
		if u.Kind == buildx.WorkCacheExport && u.Error == "" && u.Service != "" && slices.Contains(b.Services, u.Service) {
			parts = append(parts, fmt.Sprintf("exported %d layers in %.1f s (type=%s)", u.Layers, u.Seconds, u.Name))
		}
	}
	return strings.Join(parts, "; ")
}

// joinedFrom are the caches that an import has all of: itself, if it is not a joined one.
func joinedFrom(b cache.Build, name string) []string {
	for _, e := range b.Imports {
		if len(e.Joined) > 0 && strings.Contains(e.Spec, name) {
			return e.Joined
		}
	}
	return []string{name}
}

// of tells whether a use is of a build. One that nobody owns is of those that import it.
func of(u buildx.CacheUse, b cache.Build, r *buildx.Result) bool {
	if u.Service != "" || len(r.Targets) == 1 {
		return u.Service == "" || slices.Contains(b.Services, u.Service)
	}
	return slices.ContainsFunc(b.Imports, func(e cache.Entry) bool { return strings.Contains(e.Spec, u.Name) })
}

// brought is how many steps were cached, and what came over the network for them.
func brought(b cache.Build, r *buildx.Result) string {
	for _, t := range r.Targets {
		if !slices.Contains(b.Services, t.Service) {
			continue
		}
		text := fmt.Sprintf(", %d of %d steps cached", t.Cached, t.Steps)
		if t.FetchedBytes > 0 {
			text += fmt.Sprintf(", %s fetched in %.1f s", units.HumanSize(float64(t.FetchedBytes)), t.FetchedSeconds)
		}
		return text
	}
	return ""
}
