package revision

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const attributesFile = ".gitattributes"

// Attributes that make a checkout change the content of a file. Those of text count only where line ends may be others.
var (
	attributes     = []string{"eol", "ident", "filter", "working-tree-encoding"}
	textAttributes = []string{"text", "crlf"}
)

// checkout marks the files whose content a checkout may change: line ends, $Id$, filters such as LFS.
// The attributes are those of the files themselves when own is set, else those of the working tree.
func (r *repo) checkout(files []*node, own bool) error {
	crlf := r.checksOutCRLF()
	if !crlf && !r.hasAttributes(files) {
		return nil
	}
	if own {
		if err := r.writeAttributes(files); err != nil {
			return err
		}
	}
	var names bytes.Buffer
	byName := map[string]*node{}
	for _, n := range files {
		if n.mode.IsRegular() && n.object != "" {
			name := strings.TrimPrefix(n.path, r.prefix)
			byName[name] = n
			names.WriteString(name + "\x00")
		}
	}
	asked := attributes
	if crlf {
		asked = slices.Concat(attributes, textAttributes)
	}
	out, err := r.run(names.Bytes(), append([]string{"check-attr", "--stdin", "-z"}, asked...)...)
	if err != nil {
		return err
	}
	values := map[string]string{}
	answers := split(out) // path, attribute, value; all attributes of a path together
	for ; len(answers) >= 3*len(asked); answers = answers[3*len(asked):] {
		for i := range asked {
			values[answers[3*i+1]] = answers[3*i+2]
		}
		if n := byName[answers[0]]; n != nil && r.converts(values, crlf) {
			n.convert, n.size = true, -1
		}
	}
	return nil
}

// converts tells whether a checkout may change a file. It may say so too often: the file then goes through git's filters.
func (r *repo) converts(values map[string]string, crlf bool) bool {
	if given(values["working-tree-encoding"]) || values["ident"] == "set" {
		return true
	}
	if filter := values["filter"]; given(filter) {
		if r.config["filter."+filter+".smudge"] != "" || r.config["filter."+filter+".process"] != "" {
			return true
		}
	}
	if values["text"] == "unset" || values["crlf"] == "unset" {
		return false
	}
	return values["eol"] == "crlf" || crlf && values["eol"] != "lf"
}

func given(value string) bool { return value != "unspecified" && value != "unset" && value != "set" }

// checksOutCRLF tells whether text files get Windows' line ends when no attribute decides.
func (r *repo) checksOutCRLF() bool {
	switch strings.ToLower(r.config["core.autocrlf"]) {
	case "input":
		return false
	default:
		if r.enabled("core.autocrlf", false) {
			return true
		}
	}
	eol := strings.ToLower(r.config["core.eol"])
	return eol == "crlf" || runtime.GOOS == "windows" && eol != "lf"
}

// hasAttributes tells whether any file that git reads attributes from is there.
func (r *repo) hasAttributes(files []*node) bool {
	for _, n := range files {
		if n.name() == attributesFile {
			return true
		}
	}
	if r.config["core.attributesfile"] != "" {
		return true
	}
	others := []string{filepath.Join(r.top, attributesFile), "/etc/gitattributes"}
	if config := os.Getenv("XDG_CONFIG_HOME"); config != "" {
		others = append(others, filepath.Join(config, "git", "attributes"))
	} else if home, err := os.UserHomeDir(); err == nil {
		others = append(others, filepath.Join(home, ".config", "git", "attributes"))
	}
	if info, err := r.run(nil, "rev-parse", "--git-path", "info/attributes"); err == nil {
		name := filepath.FromSlash(line(info))
		if !filepath.IsAbs(name) {
			name = filepath.Join(r.top, name)
		}
		others = append(others, name)
	}
	for _, name := range others {
		if _, err := os.Stat(name); err == nil {
			return true
		}
	}
	return false
}

// writeAttributes puts the .gitattributes of a revision where git looks for them. By itself git would take those of the
// working tree, also for another revision.
func (r *repo) writeAttributes(files []*node) error {
	dir, err := os.MkdirTemp("", "gitattributes")
	if err != nil {
		return err
	}
	contents := map[string][]byte{}
	for _, n := range files {
		if n.name() != attributesFile || !n.mode.IsRegular() {
			continue
		}
		if contents[strings.TrimPrefix(n.path, r.prefix)], err = r.read(n); err != nil {
			os.RemoveAll(dir)
			return err
		}
	}
	r.attributes = dir // from here on: reading above must not see half of them
	for name, content := range contents {
		name = filepath.Join(dir, filepath.FromSlash(path.Clean(name)))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
