package usage

import (
	"strconv"
	"strings"
)

// mountOf is the ID in the description of a cache mount: "cached mount TARGET from … with id "ID"", and without the end
// where it is the target.
func mountOf(description string) string {
	const mark = ` with id "`
	rest, ok := strings.CutPrefix(description, "cached mount ")
	if !ok {
		return ""
	}
	if i := strings.LastIndex(rest, mark); i >= 0 {
		if id, err := strconv.Unquote(rest[i+len(mark)-1:]); err == nil {
			return id
		}
	}
	target, _, _ := strings.Cut(rest, " from ")
	return target
}

// localOf is the name in the description of a local source.
func localOf(description string) (name string, ok bool) {
	return strings.CutPrefix(description, "local source for ")
}

// kindOf tells kinds apart by BuildKit's type of a record and by how its sources describe what they make.
func kindOf(r *Record) string {
	switch r.Type {
	case "exec.cachemount":
		return KindMount
	case "source.local":
		return KindLocal
	case "source.git.checkout":
		return KindGit
	case "frontend":
		return KindFrontend
	case "internal":
		return KindInternal
	}
	for _, p := range prefixes {
		if strings.HasPrefix(r.Description, p.prefix) {
			return p.kind
		}
	}
	return KindLayer
}

// prefixes begin the descriptions of what sources make.
var prefixes = []struct{ prefix, kind string }{
	{pulled, KindImage},
	{"http url ", KindHTTP},
	{"git snapshot for ", KindGit},
	{"shared git repo for ", KindGit},
	{"git bundle checkout for ", KindGit},
}
