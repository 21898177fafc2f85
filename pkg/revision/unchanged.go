package revision

import "strings"

// addUnchanged notes the objects of files on disk that git knows to be as in its index: by their times and sizes, as `git
// status` does. Where adding a file may convert it, its object is not what is on disk.
func (t *Tree) addUnchanged(r *repo, index map[string]indexed) error {
	var files []*node
	for _, n := range t.nodes { // untracked ones may have attributes for others
		if strings.HasPrefix(n.path, r.prefix) && n.mode.IsRegular() && n.object == "" {
			files = append(files, n)
		}
	}
	if !r.addsAsIs(files) {
		return nil
	}
	out, err := r.run(nil, "diff-files", "--name-only", "-z")
	if err != nil {
		return err
	}
	changed := map[string]bool{}
	for _, name := range split(out) {
		changed[name] = true
	}
	for _, n := range files {
		name := strings.TrimPrefix(n.path, r.prefix)
		if known := index[name]; known.object != "" && !changed[name] && !known.assumed && known.mode != modeLink && known.mode != modeSubmodule {
			n.unchanged = known.object
		}
	}
	return nil
}

// addsAsIs tells whether git makes objects of files without converting any.
func (r *repo) addsAsIs(files []*node) bool {
	return !strings.EqualFold(r.config["core.autocrlf"], "input") && !r.checksOutCRLF() && !r.hasAttributes(files)
}
