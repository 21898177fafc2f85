package cache

import (
	"cmp"
	"slices"
)

// branches are those that matter to a build.
type branches struct {
	// own is empty where nothing of its own is kept: then unknown says why.
	own, base, main string
	unknown, hint   string
	// plain tells that there are no branches at all.
	plain bool
}

// branchesOf puts together what the configuration, the CI and the repository say, in this order.
func branchesOf(in Surroundings) branches {
	b := branches{
		own: in.Config.Branch, base: in.CI.Base,
		main: cmp.Or(in.Config.DefaultBranch, in.CI.Default, in.Git.Default),
	}
	switch {
	case b.own != "":
	case in.CI.Once != "":
		b.unknown = in.CI.Once + " is built once"
	case in.CI.Branch != "":
		b.own = in.CI.Branch
	case in.Git.Branch != "":
		b.own = in.Git.Branch
	case !in.Git.Repository:
		b.plain = true
	default:
		b.unknown = "HEAD is on no branch"
		b.hint = "x-catmandu.cache.branch can say which it is, from a variable of the CI"
	}
	if b.base == b.own {
		b.base = ""
	}
	return b
}

// link is a scope to import, and why.
type link struct {
	scope Scope
	why   string
}

// most is how many caches a build imports. Those that are not there cost a question to the registry.
const most = 8

// chain are the scopes to import, the best first: the build's own on its branch, the base and the default branch, then those of
// its siblings. Without branches each is one.
func chain(own Scope, kin []link, b branches, byBranch bool) []link {
	var out []link
	add := func(s Scope, branch, why string) {
		if s.Branch = branch; !byBranch {
			s.Branch = ""
		}
		if !slices.ContainsFunc(out, func(l link) bool { return l.scope == s }) && len(out) < most {
			out = append(out, link{s, why})
		}
	}
	each := func(s Scope, why string) {
		switch {
		case !byBranch:
			add(s, "", cmp.Or(why, "GitHub looks on this branch, its base and the default branch"))
			return
		case b.plain:
			add(s, "", cmp.Or(why, "no branches"))
			return
		}
		for _, at := range []struct{ branch, why string }{
			{b.own, "own branch"}, {b.base, "base of the pull request"}, {b.main, "default branch"},
		} {
			if at.branch != "" {
				add(s, at.branch, joined(why, at.why))
			}
		}
	}
	each(own, "")
	for _, k := range kin {
		each(k.scope, k.why)
	}
	return out
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}
