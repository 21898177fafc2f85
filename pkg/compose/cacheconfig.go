package compose

import "regexp"

// Cache is what x-catmandu says of caches.
type Cache struct {
	// Use is in the words of --cache: "registry=example.com/shop/cache". Empty says nothing.
	Use string
	// Export is always, never, or empty for CI jobs only.
	Export string
	// Branch and DefaultBranch stand over what the CI and the repository say; empty says nothing.
	Branch, DefaultBranch string
	Position              Position
}

// Keys of the section, as the published schema has them.
var cacheKeys = []string{"use", "export", "branch", "default-branch"}

// isCacheUse is the schema's pattern. Whether there is such a place is seen where it is used.
var isCacheUse = regexp.MustCompile(`^(auto|off|inline|gha(,.+)?|(registry|local|s3|azblob)=.+)$`)

// cache is text in the words of --cache, or a mapping.
func (s *section) cache(v any) Cache {
	if v == nil {
		return Cache{}
	}
	c := Cache{Position: s.at("cache")}
	if text, ok := v.(string); ok {
		c.Use = s.cacheUse("cache", text)
		return c
	}
	m := s.mapping("cache", v, cacheKeys)
	if len(m) == 0 && len(s.errs) == 0 {
		s.fail("cache", "must say something: registry=REF, or a mapping with use")
	}
	if _, given := m["use"]; given {
		c.Use = s.cacheUse("cache.use", s.text("cache.use", m["use"]))
	}
	if _, given := m["export"]; given {
		switch c.Export = s.text("cache.export", m["export"]); c.Export {
		case "always", "never":
		case "ci":
			c.Export = ""
		default:
			s.fail("cache.export", "must be ci, always or never")
		}
	}
	c.Branch = s.text("cache.branch", m["branch"])
	c.DefaultBranch = s.text("cache.default-branch", m["default-branch"])
	return c
}

func (s *section) cacheUse(path, text string) string {
	if !isCacheUse.MatchString(text) {
		s.fail(path, "must be auto, off, registry=REF, local=DIR, gha, s3=BUCKET, azblob=ACCOUNT_URL or inline")
	}
	return text
}

// cacheOff reads what a service can say of its own.
func (s *section) cacheOff(v any) bool {
	if v != nil && v != "off" {
		s.fail("cache", "must be off; where caches are is for the whole project to say")
	}
	return v != nil
}
