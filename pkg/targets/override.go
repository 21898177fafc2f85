package targets

import (
	"maps"
	"slices"
)

// Overrides are settings of a command line that stand over those of the files, for every target.
type Overrides struct {
	NoCache, Pull bool
	Args          map[string]string
	// Platforms, CacheFrom and CacheTo replace what the files say when they are not empty.
	Platforms, CacheFrom, CacheTo []string
	// Dir is what folders in CacheFrom and CacheTo are relative to.
	Dir string
}

// Override applies o to the plan. Targets that others are built from are built with it as well.
func (p *Plan) Override(o Overrides) {
	for i := range p.Targets {
		t := &p.Targets[i]
		t.Build.NoCache = t.Build.NoCache || o.NoCache
		t.Build.Pull = t.Build.Pull || o.Pull
		if len(o.Args) > 0 {
			args := maps.Clone(t.Build.Args)
			if args == nil {
				args = map[string]string{}
			}
			maps.Copy(args, o.Args)
			t.Build.Args = args
		}
		if len(o.Platforms) > 0 {
			t.Platforms = slices.Clone(o.Platforms)
		}
		if len(o.CacheFrom) > 0 {
			t.CacheFrom = caches(o.Dir, o.CacheFrom)
		}
		if len(o.CacheTo) > 0 {
			t.CacheTo = caches(o.Dir, o.CacheTo)
		}
	}
}
