package steps

import (
	"cmp"
	"errors"
	"path"
	"slices"

	"github.com/moby/buildkit/solver/pb"
)

// fileOperation is of COPY, ADD, WORKDIR and the like. Of what is copied the content counts, and the last element of its
// path: the rest of the path is where it is found, not what it is.
func fileOperation(whole *pb.Op, f *pb.FileOp) (operation, error) {
	selectors, written := map[int][]selector{}, map[int]bool{}
	var actions, indexes []any
	for _, a := range f.Actions {
		if a.Input >= 0 {
			written[int(a.Input)] = true
		}
		body, err := fileAction(a, len(whole.Inputs), selectors)
		if err != nil {
			return operation{}, err
		}
		actions = append(actions, body)
		indexes = append(indexes, []int64{a.Input, a.SecondaryInput, a.Output})
	}
	o := operation{content: make([][]selector, len(whole.Inputs))}
	for i, list := range selectors {
		if i < 0 || i >= len(whole.Inputs) {
			return o, errors.New("a file operation takes an input that it doesn't have")
		}
		if !written[i] {
			o.content[i] = dedupe(list)
		}
	}
	var err error
	o.self, err = digestOf("buildkit.file.v0", actions, indexes)
	return o, err
}

// fileAction returns what counts of an action, and notes what it takes of other inputs.
func fileAction(a *pb.FileAction, inputs int, selectors map[int][]selector) (any, error) {
	switch body := a.Action.(type) {
	case *pb.FileAction_Mkdir:
		return []any{"mkdir", body.Mkdir}, owner(body.Mkdir.Owner, selectors)
	case *pb.FileAction_Mkfile:
		return []any{"mkfile", body.Mkfile}, owner(body.Mkfile.Owner, selectors)
	case *pb.FileAction_Symlink:
		return []any{"symlink", body.Symlink}, owner(body.Symlink.Owner, selectors)
	case *pb.FileAction_Rm:
		return []any{"rm", body.Rm}, nil
	case *pb.FileAction_Copy:
		c := body.Copy.CloneVT()
		if a.SecondaryInput != -1 && int(a.SecondaryInput) < inputs {
			selectors[int(a.SecondaryInput)] = append(selectors[int(a.SecondaryInput)], selector{
				Path: c.Src, Wildcard: c.AllowWildcard && hasWildcards(c.Src), FollowLinks: c.FollowSymlink,
				IncludePatterns: c.IncludePatterns, ExcludePatterns: c.ExcludePatterns, RequiredPaths: c.RequiredPaths,
			})
			c.Src = path.Base(c.Src)
		}
		return []any{"copy", c}, owner(c.Owner, selectors)
	}
	return nil, errors.New("a file operation that this program doesn't know")
}

// owner notes that a name of a user or group is looked up in an input.
func owner(o *pb.ChownOpt, selectors map[int][]selector) error {
	for _, part := range []struct {
		of   *pb.UserOpt
		file string
	}{{o.GetUser(), "/etc/passwd"}, {o.GetGroup(), "/etc/group"}} {
		name, named := part.of.GetUser().(*pb.UserOpt_ByName)
		if !named {
			continue
		}
		if name.ByName == nil || name.ByName.Input < 0 {
			return errors.New("a file operation names a user without saying where")
		}
		i := int(name.ByName.Input)
		selectors[i] = append(selectors[i], selector{Path: part.file, FollowLinks: true})
	}
	return nil
}

// hasWildcards is of BuildKit's ops/file.go.
func hasWildcards(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// dedupe drops selectors that others have in them. What has filters stays as it is.
func dedupe(list []selector) []selector {
	var plain, follow []string
	out := []selector{}
	for _, s := range list {
		switch {
		case s.filters():
			out = append(out, s)
		case s.FollowLinks:
			follow = append(follow, s.Path)
		default:
			plain = append(plain, s.Path)
		}
	}
	for _, p := range outermost(plain) {
		out = append(out, selector{Path: p})
	}
	for _, p := range outermost(follow) {
		out = append(out, selector{Path: p, FollowLinks: true})
	}
	slices.SortStableFunc(out, func(a, b selector) int { return cmp.Compare(a.Path, b.Path) })
	return out
}
