package cache

import (
	"encoding/csv"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// Backend is a kind of place for caches.
type Backend string

// All backends there are; Auto chooses one, Off and None are none.
const (
	Auto     Backend = "auto"
	Off      Backend = "off"
	None     Backend = "none"
	Registry Backend = "registry"
	Local    Backend = "local"
	GHA      Backend = "gha"
	S3       Backend = "s3"
	Azblob   Backend = "azblob"
	Inline   Backend = "inline"
)

// Choice is what --cache or x-catmandu.cache asks for.
type Choice struct {
	Backend Backend
	// Place is a repository, an absolute folder, a bucket or the URL of an account.
	Place string
	// Attrs are further ones of the backend, in BuildKit's words.
	Attrs map[string]string
}

// placed are the backends that have to be told where.
var placed = map[Backend]string{
	Registry: "REF", Local: "DIR", S3: "BUCKET", Azblob: "ACCOUNT_URL",
}

// ours are attributes that are decided here.
var ours = []string{"type", "ref", "src", "dest", "scope", "name", "tag", "digest", "bucket", "account_url", "reset"}

// Usage are the values that --cache takes.
const Usage = "auto, off, registry=REF, local=DIR, gha, s3=BUCKET, azblob=ACCOUNT_URL, inline"

// ParseChoice reads "registry=example.com/shop/cache,compression=zstd": a backend with its place, and attributes of it. dir is
// what folders are relative to.
func ParseChoice(text, dir string) (Choice, error) {
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil || text == "" {
		return Choice{}, fmt.Errorf("must be one of %s", Usage)
	}
	name, place, given := strings.Cut(fields[0], "=")
	c := Choice{Backend: Backend(name), Place: place, Attrs: map[string]string{}}
	what, needs := placed[c.Backend]
	switch {
	case needs && place == "":
		return Choice{}, fmt.Errorf("%s: must be %s=%s", name, name, what)
	case !needs && !slices.Contains([]Backend{Auto, Off, GHA, Inline}, c.Backend):
		return Choice{}, fmt.Errorf("%s: must be one of %s", name, Usage)
	case !needs && given:
		return Choice{}, fmt.Errorf("%s: takes no value", name)
	case len(fields) > 1 && (c.Backend == Auto || c.Backend == Off || c.Backend == Inline):
		return Choice{}, fmt.Errorf("%s: takes no attributes", name)
	}
	for _, f := range fields[1:] {
		key, value, ok := strings.Cut(f, "=")
		if key = strings.ToLower(key); !ok || key == "" {
			return Choice{}, fmt.Errorf("%s: %q must be KEY=VALUE", name, f)
		}
		if slices.Contains(ours, key) {
			return Choice{}, fmt.Errorf("%s: %s is chosen for each build and can't be set\nhint: cache_from and cache_to of a service say all by themselves", name, key)
		}
		c.Attrs[key] = value
	}
	return c, c.check(dir)
}

// check sees what is wrong with the place and the attributes, and makes folders absolute.
func (c *Choice) check(dir string) error {
	switch c.Backend {
	case Registry:
		ref, err := reference.ParseNormalizedNamed(c.Place)
		if err != nil {
			return fmt.Errorf("registry=%s: %w", c.Place, err)
		}
		if !reference.IsNameOnly(ref) {
			return fmt.Errorf("registry=%s: must be a repository without a tag: each build gets a tag of its own", c.Place)
		}
		if !strings.ContainsAny(strings.Split(c.Place, "/")[0], ".:") && !strings.HasPrefix(c.Place, "localhost/") {
			c.Place = ref.Name() // the registry it is in is better seen
		}
	case Local:
		if !filepath.IsAbs(c.Place) {
			c.Place = filepath.Join(dir, c.Place)
		}
	}
	if mode, given := c.Attrs["mode"]; given && mode != "min" && mode != "max" {
		return fmt.Errorf("%s: mode=%s must be min or max: BuildKit takes anything else for min", c.Backend, mode)
	}
	return nil
}

// String is the choice as --cache takes it.
func (c Choice) String() string {
	out := string(c.Backend)
	if c.Place != "" {
		out += "=" + c.Place
	}
	for _, key := range slices.Sorted(maps.Keys(c.Attrs)) {
		out += "," + key + "=" + c.Attrs[key]
	}
	return out
}
