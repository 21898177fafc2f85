package refs

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestNewScope(t *testing.T) {
	for _, test := range []struct {
		tag, branch    string
		others         []string
		prefix, suffix string
		ok             bool
	}{
		{tag: "web-main", branch: "main", prefix: "web-", ok: true},
		{tag: "main", branch: "main", ok: true},
		{tag: "main-arm64", branch: "main", suffix: "-arm64", ok: true},
		{tag: "cache.web_feature-new-thing.amd64", branch: "feature/New_Thing", prefix: "cache.web_", suffix: ".amd64", ok: true},
		{tag: "web-feature_New_Thing", branch: "feature/New_Thing", prefix: "web-", ok: true},
		{tag: "web-1.2", branch: "1.2", prefix: "web-", ok: true},
		{tag: "web-maintenance", branch: "main"},
		{tag: "web", branch: "main"},
		{tag: "main-main", branch: "main"},
		{tag: "web-dev", branch: "dev", others: []string{"prod", "dev"}},
		{tag: "web-", branch: ""},
		{tag: "web", branch: "日本"},
	} {
		s, ok := NewScope("r", test.tag, test.branch, test.others...)
		assert.Equal(t, ok, test.ok, "%s on %s", test.tag, test.branch)
		if ok {
			assert.DeepEqual(t, []string{s.Repository, s.Prefix, s.Suffix}, []string{"r", test.prefix, test.suffix})
			word, ok := s.match("r", test.tag)
			assert.Assert(t, ok && isOf(word, test.branch), "%q", word)
		}
	}
}

// What was exported on a branch has it in its name in any of the ways, and else is not of that branch alone.
func TestNotedScope(t *testing.T) {
	const long = "feature/JIRA-1234-a-very-long-name-that-no-tag-takes-as-a-whole"
	for _, test := range []struct {
		tag, branch, prefix string
		ok                  bool
	}{
		{"web-main", "main", "web-", true},
		{"cache.shop.web.prod.linux-amd64.feature-x-1a2b3c4d", "feature/x", "cache.shop.web.prod.linux-amd64.", true},
		{"cache.shop.web.prod.linux-amd64.feature-jira-1234-a-ve-1a2b3c4d", long, "cache.shop.web.prod.linux-amd64.", true},
		{"web-feature-jira-1234-a-very-long-name", long, "web-", true},
		{"web-feature-jira", long, "", false},
		{"web", "main", "", false},
		{"web", "", "", false},
	} {
		s, ok := notedScope("r", test.tag, test.branch)
		assert.Equal(t, ok, test.ok, test.tag)
		assert.DeepEqual(t, []string{s.Prefix, s.Suffix}, []string{test.prefix, ""})
	}
}

// A branch stands in tags in many ways, and what may be one of them is taken for it.
func TestIsOf(t *testing.T) {
	const long = "feature/JIRA-1234-a-very-long-name-that-no-tag-takes-as-a-whole"
	for _, test := range []struct {
		word, branch string
		is           bool
	}{
		{"feature-x", "feature/x", true},
		{"feature_x", "feature/x", true},
		{"FEATURE-X", "feature/x", true},
		{"feature--x-", "feature/#x!", true},
		{"feature-jira-1234-a-very-long-name-that-no-ta", long, true},
		{"feature-jira-1234-a-very-l-0a1b2c3d", long, true},
		{"feature-x-0a1b2c3d", "feature/x", true},
		{"--", "日本", true},
		{"feature", "feature/x", false},
		{"feature-x-y", "feature/x", false},
		{"feature-jira-1234-another-very-long-name", long, false},
		{"main", "日本", false},
	} {
		assert.Equal(t, isOf(test.word, test.branch), test.is, "%s for %s", test.word, test.branch)
	}
}

func TestMentions(t *testing.T) {
	assert.Assert(t, mentions("api-main", "main"))
	assert.Assert(t, mentions("main.arm64", "main"))
	assert.Assert(t, mentions("api_feature-x_arm64", "feature/x"))
	assert.Assert(t, !mentions("api-maintenance", "main"))
	assert.Assert(t, !mentions("api", "日本"))
}

func TestParseScope(t *testing.T) {
	s, err := ParseScope("example.com:5000/shop/cache:web-*.arm64")
	assert.NilError(t, err)
	assert.DeepEqual(t, []string{s.Repository, s.Prefix, s.Suffix}, []string{"example.com:5000/shop/cache", "web-", ".arm64"})
	assert.Assert(t, s.Given)
	s, err = ParseScope("shop:*")
	assert.NilError(t, err)
	assert.Equal(t, s.Repository, "docker.io/library/shop")
	for _, bad := range []string{"", "shop", "shop:web", "shop:*-*", "example.com:5000/shop*", ":*", "Shop:*"} {
		_, err := ParseScope(bad)
		assert.Assert(t, err != nil, bad)
	}
}

func TestSplit(t *testing.T) {
	const sum = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for ref, want := range map[string][]string{
		"localhost:5000/a/b:c":      {"localhost:5000/a/b", "c", ""},
		"localhost:5000/a/b":        {"localhost:5000/a/b", "latest", ""},
		"a:c":                       {"docker.io/library/a", "c", ""},
		"a/b:c@" + sum:              {"docker.io/a/b", "", sum},
		"registry-1.docker.io/a/b":  {"registry-1.docker.io/a/b", "latest", ""},
		"index.docker.io/a/b:c":     {"docker.io/a/b", "c", ""},
		"example.com/a/b/c/d/e:1.2": {"example.com/a/b/c/d/e", "1.2", ""},
	} {
		repository, tag, digest, err := Split(ref)
		assert.NilError(t, err)
		assert.DeepEqual(t, []string{repository, tag, digest}, want)
	}
	_, _, _, err := Split("a:${B}")
	assert.ErrorContains(t, err, "a:${B}: ")
}

func TestNames(t *testing.T) {
	assert.DeepEqual(t, Names("refs/heads/feature/x"), []string{"feature/x"})
	assert.DeepEqual(t, Names("refs/tags/v1"), []string{"v1"})
	assert.DeepEqual(t, Names("refs/pull/12/merge"), []string{"12/merge", "pull-12", "pr-12", "mr-12"})
	assert.Equal(t, len(Names("refs/notes/commits")), 0)
}
