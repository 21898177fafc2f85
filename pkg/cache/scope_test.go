package cache

import (
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestScopeName(t *testing.T) {
	shop := Scope{Project: "shop", Service: "web", Target: "prod", Platform: "linux/amd64", Branch: "main"}
	for _, tc := range []struct {
		change func(*Scope)
		want   string
	}{
		{func(*Scope) {}, "cache.shop.web.prod.linux-amd64.main"},
		{func(s *Scope) { s.Branch = "" }, "cache.shop.web.prod.linux-amd64"},
		{func(s *Scope) { s.Branch = "feature/x" }, "cache.shop.web.prod.linux-amd64.feature-x-60ed7fd6"},
		{func(s *Scope) { s.Branch = "feature-x" }, "cache.shop.web.prod.linux-amd64.feature-x"},
		{func(s *Scope) { s.Branch = "Main" }, "cache.shop.web.prod.linux-amd64.main-2f0d2a85"},
		{func(s *Scope) { s.Service = "web.api" }, "cache.shop.web-api-2f0d2a85.prod.linux-amd64.main"},
		{func(s *Scope) { s.Platform = "linux/arm/v7" }, "cache.shop.web.prod.linux-arm-v7.main"},
		{func(s *Scope) { s.Branch = "büro" }, "cache.shop.web.prod.linux-amd64.b--ro-2f0d2a85"},
	} {
		s := shop
		tc.change(&s)
		assert.Equal(t, sums.ReplaceAllString(s.Name(), "-SUM"), sums.ReplaceAllString(tc.want, "-SUM"))
	}
}

var sums = regexp.MustCompile(`-[0-9a-f]{8}\b`)

// Different scopes have different names that registries and file systems take, and that read as what they were made of.
func TestScopeNamesAreApart(t *testing.T) {
	tag := regexp.MustCompile(`^[a-z0-9_][a-z0-9._-]{0,127}$`)
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "B", "/", ".", "-", "_", "é", "feature", "0123abcd", "-0123abcd", strings.Repeat("long", 9), ","}
	word := func() string {
		var b strings.Builder
		for range 1 + random.IntN(3) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	known := map[string]Scope{}
	for range 20000 {
		s := Scope{Project: word(), Service: word(), Target: word(), Platform: "linux/" + strings.NewReplacer(",", "", "/", "").Replace(word()), Branch: word()}
		if random.IntN(4) == 0 {
			s.Branch = ""
		}
		name := s.Name()
		assert.Assert(t, tag.MatchString(name), name)
		assert.Assert(t, filepath.IsLocal(name))
		if other, is := known[name]; is && !sameButPlatform(s, other) {
			t.Fatalf("%q is of %+v and %+v", name, s, other)
		}
		known[name] = s
		back, ok := ParseName(name)
		assert.Assert(t, ok, name)
		assert.Equal(t, back, s.Slugs())
		if s.Branch != "" {
			assert.Equal(t, back.Branch, BranchSlug(s.Branch))
		}
	}
}

// sameButPlatform leaves platforms out, which the test makes of anything: real ones have neither dashes nor underscores.
func sameButPlatform(a, b Scope) bool {
	a.Platform, b.Platform = "", ""
	return a == b
}

func TestOtherNamesAreNoScopes(t *testing.T) {
	for _, name := range []string{
		"", "latest", "1.2.3.4.5", "cache", "cache.shop.web", "cache.shop.web.prod", "cache.shop..prod.linux-amd64",
		"cache.shop.web.prod.linux-amd64.main.x", "Cache.shop.web.prod.linux-amd64", "cache.Shop.web.prod.linux-amd64.main",
		"cache.shop.web.prod.linux-amd64." + strings.Repeat("a", 33),
	} {
		_, ok := ParseName(name)
		assert.Assert(t, !ok, name)
	}
}
