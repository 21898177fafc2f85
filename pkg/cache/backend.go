package cache

import (
	"fmt"
	"maps"
	"path/filepath"
)

// backend makes the entries of a chosen backend for a builder.
type backend struct {
	Choice
	builder Builder
}

// apartByBranch tells that the branch is in the name of a scope. GitHub keeps the caches of branches apart by itself.
func (b backend) apartByBranch() bool { return b.Backend != GHA }

// named is a scope as this backend has it.
func (b backend) named(s Scope) Scope {
	if !b.apartByBranch() {
		s.Branch = ""
	}
	return s
}

// importOf reads a scope.
func (b backend) importOf(s Scope) string { return b.at(s, "src").String() }

// exportOf writes a scope: all stages, and a failure is not one of the build.
func (b backend) exportOf(s Scope) string {
	if b.Backend == Inline {
		return spec{kind: Inline}.String() // it has but one form
	}
	out := b.at(s, "dest").with(map[string]string{"mode": "max", "ignore-error": "true"})
	switch b.Backend {
	case Local:
		// What the last export no longer has is removed, or the folder would grow with every build.
		out = out.with(map[string]string{"reset": "true"})
		fallthrough
	case Registry:
		if needsManifest(b.builder.Version) {
			out = out.with(map[string]string{"image-manifest": "true", "oci-mediatypes": "true"})
		}
	}
	return out.with(b.Attrs).String()
}

// at names a scope; folder is the attribute for one.
func (b backend) at(s Scope, folder string) spec {
	s = b.named(s)
	out := spec{kind: b.Backend, attrs: map[string]string{}}
	for key, value := range b.Attrs {
		if !onlyExports[key] {
			out.attrs[key] = value
		}
	}
	switch b.Backend {
	case Registry:
		out.attrs["ref"] = s.Ref(b.Place)
	case Local:
		out.attrs[folder] = filepath.Join(b.Place, s.Name())
	case GHA:
		out.attrs["scope"] = s.Name()
	case S3:
		maps.Copy(out.attrs, map[string]string{"bucket": b.Place, "name": s.Name()})
	case Azblob:
		maps.Copy(out.attrs, map[string]string{"account_url": b.Place, "name": s.Name()})
	}
	return out
}

// onlyExports are attributes that imports have no use for.
var onlyExports = map[string]bool{
	"mode": true, "ignore-error": true, "compression": true, "compression-level": true, "force-compression": true,
	"image-manifest": true, "oci-mediatypes": true, "upload_parallelism": true, "touch_refresh": true,
}

// needsManifest tells of the BuildKits that by default write caches in a form that some registries don't take. Older ones know
// no other, newer ones have it by default.
func needsManifest(version string) bool {
	return minor(version) >= oldestManifest && minor(version) < 21
}

// oldestManifest is the first BuildKit that takes a cache that looks like an image.
const oldestManifest = 12

// minor is the 34 of v0.34.2; a version that is not known counts as a new one.
func minor(version string) int {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "v%d.%d", &major, &minor); n < 2 || major > 0 {
		return 1 << 20
	}
	return minor
}

// oldestGHA is the first BuildKit that knows the cache service that GitHub has now.
const oldestGHA = 20

// unable says why the builder can't do something with this backend, and the way out; both are empty if it can.
func (b backend) unable() (imports, exports, hint string) {
	who := fmt.Sprintf("builder %q (%s driver)", b.builder.Name, b.builder.Driver)
	const another = "use another builder: docker buildx create --use --driver docker-container"
	switch isEngine := b.builder.Driver == "docker"; {
	case b.Backend == GHA && minor(b.builder.Version) < oldestGHA:
		why := fmt.Sprintf("BuildKit %s doesn't know GitHub's cache service of today; v0.%d does", b.builder.Version, oldestGHA)
		return why, why, "update the builder's BuildKit"
	case isEngine && (b.Backend == S3 || b.Backend == Azblob):
		why := who + " knows no caches of type " + string(b.Backend)
		return why, why, another
	case isEngine && b.Backend == GHA && !b.builder.Exports:
		why := who + " without the containerd image store knows no caches of type gha"
		return why, why, storeOr + another
	case isEngine && !b.builder.Exports && b.Backend != Inline:
		return "", who + " without the containerd image store exports only inline caches", storeOr + another
	}
	return "", "", ""
}

const storeOr = `turn on the engine's containerd image store ("features": {"containerd-snapshotter": true} in daemon.json); or `
