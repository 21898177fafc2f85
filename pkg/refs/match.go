package refs

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// minCut is how long what stands for a branch in a tag must be to be taken for a part of a longer name.
const minCut = 20

// wordless is what the common ways to write a branch in a tag replace by a hyphen, each some of it.
var wordless = regexp.MustCompile(`[^a-z0-9]+`)

// plain is what is left of a branch, or of what stands for it in a tag, after all of these ways.
func plain(s string) string {
	return strings.Trim(wordless.ReplaceAllString(strings.ToLower(s), "-"), "-")
}

// summed is what ends a name that was cut or altered, where it was to stay unique.
var summed = regexp.MustCompile(`-[0-9a-f]{7,12}$`)

// isOf tells whether a word of a tag can stand for a branch.
func isOf(word, branch string) bool {
	w, b := plain(word), plain(branch)
	if w == b || len(w) >= minCut && strings.HasPrefix(b, w) {
		return true
	}
	cut := summed.ReplaceAllString(w, "")
	return cut != w && (cut == b || len(cut) >= minCut && strings.HasPrefix(b, cut))
}

// mentions tells whether a word of a tag has a branch in it, between its other parts.
func mentions(word, branch string) bool {
	b := plain(branch)
	return b != "" && strings.Contains("-"+plain(word)+"-", "-"+b+"-")
}

// match is the part of a tag that a scope leaves to the branch.
func (s Scope) match(repository, tag string) (word string, ok bool) {
	if s.Repository != repository || len(tag) <= len(s.Prefix)+len(s.Suffix) ||
		!strings.HasPrefix(tag, s.Prefix) || !strings.HasSuffix(tag, s.Suffix) {
		return "", false
	}
	return tag[len(s.Prefix) : len(tag)-len(s.Suffix)], true
}

// NewScope finds the branch in a tag that is exported on it. It is false where the tag doesn't have it, or has it more than once,
// or where it may be another word, such as a stage, that happens to be the same: what the files meant can't be told then.
func NewScope(repository, tag, branch string, others ...string) (Scope, bool) {
	if slices.ContainsFunc(others, func(word string) bool { return plain(word) == plain(branch) }) {
		return Scope{}, false
	}
	var found []Scope
	for word := range words(tag) {
		if plain(tag[word.from:word.to]) == plain(branch) {
			found = append(found, Scope{Repository: repository, Prefix: tag[:word.from], Suffix: tag[word.to:]})
		}
	}
	if plain(branch) == "" || len(found) != 1 {
		return Scope{}, false
	}
	return found[0], true
}

// notedScope finds a branch in a tag that is known to have been exported on it, be it cut or with a sum behind it: the longest
// part that can stand for it.
func notedScope(repository, tag, branch string) (s Scope, ok bool) {
	longest := 0
	for word := range words(tag) {
		if n := word.to - word.from; n > longest && plain(branch) != "" && isOf(tag[word.from:word.to], branch) {
			longest = n
			s = Scope{Repository: repository, Prefix: tag[:word.from], Suffix: tag[word.to:]}
		}
	}
	return s, longest > 0
}

type span struct{ from, to int }

// words are the parts of a tag that begin and end with a word of letters and digits.
func words(tag string) iter.Seq[span] {
	return func(yield func(span) bool) {
		for from := range len(tag) {
			for to := from + 1; begins(tag, from) && to <= len(tag); to++ {
				if ends(tag, to) && !yield(span{from, to}) {
					return
				}
			}
		}
	}
}

// ParseScope reads REPOSITORY:TAG with one * in the tag, for the branch.
func ParseScope(text string) (Scope, error) {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 || strings.ContainsRune(text[i:], '/') || strings.Count(text[i:], "*") != 1 {
		return Scope{}, fmt.Errorf("%s: must be REPOSITORY:TAG with one * in the tag, for the branch", text)
	}
	repository, _, _, err := Split(text[:i])
	if err != nil {
		return Scope{}, err
	}
	prefix, suffix, _ := strings.Cut(text[i+1:], "*")
	return Scope{Repository: repository, Prefix: prefix, Suffix: suffix, Given: true}, nil
}

// Split takes a reference apart, as cache_to has it, into full names. One without a tag is of latest; one with a digest has
// none.
func Split(ref string) (repository, tag, digest string, err error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", "", "", fmt.Errorf("%s: %w", ref, err)
	}
	if d, ok := named.(reference.Digested); ok {
		return named.Name(), "", d.Digest().String(), nil
	}
	return named.Name(), reference.TagNameOnly(named).(reference.Tagged).Tag(), "", nil
}

// Names are how tags may write a reference of git: a branch by its name, a pull request in several ways.
func Names(reference string) []string {
	for _, kind := range []string{"refs/heads/", "refs/tags/"} {
		if name, ok := strings.CutPrefix(reference, kind); ok {
			return []string{name}
		}
	}
	parts := strings.Split(reference, "/")
	if len(parts) != 4 || parts[1] != "pull" && parts[1] != "merge-requests" {
		return nil
	}
	number := parts[2]
	return []string{number + "/" + parts[3], "pull-" + number, "pr-" + number, "mr-" + number}
}

// begins tells whether a word of letters and digits begins at a place of a text; ends, whether one ends before it.
func begins(s string, i int) bool { return isWord(s[i]) && (i == 0 || !isWord(s[i-1])) }

func ends(s string, i int) bool { return isWord(s[i-1]) && (i == len(s) || !isWord(s[i])) }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
