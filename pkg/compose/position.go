package compose

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// positions returns where the settings of a service were declared last, by their paths below it.
func (r *reader) positions(service string) map[string]Position {
	out := map[string]Position{}
	for _, src := range r.ordered() {
		src.each(func(root *yaml.Node) {
			services := value(root, "services")
			if services == nil {
				return
			}
			for i := 0; i+1 < len(services.Content); i += 2 {
				if services.Content[i].Value == service {
					out[""] = Position{File: src.file, Line: services.Content[i].Line}
					note(out, src.file, "", services.Content[i+1], services)
				}
			}
		})
	}
	return out
}

// ordered returns the sources in the order of merging: files that others include or extend come first.
func (r *reader) ordered() []source {
	var inner, outer []source
	for _, s := range r.sources {
		if r.isReferred(s.file) {
			inner = append(inner, s)
		} else {
			outer = append(outer, s)
		}
	}
	return append(inner, outer...)
}

func (r *reader) isReferred(file string) bool {
	for _, ref := range r.refs {
		if ref.file == file {
			return true
		}
	}
	return false
}

// each calls f with the top mapping of every document.
func (s source) each(f func(root *yaml.Node)) {
	for _, doc := range s.docs {
		if root := content(doc); root != nil && root.Kind == yaml.MappingNode {
			f(root)
		}
	}
}

// note records the positions of what is below n: first of what it extends in the same file or merges, then its own.
func note(out map[string]Position, file, path string, n, services *yaml.Node) {
	n = deref(n)
	switch n.Kind {
	case yaml.MappingNode:
		if m := value(n, "<<"); m != nil {
			for _, c := range list(m) {
				note(out, file, path, c, services)
			}
		}
		if base := extended(n, services); base != nil && path == "" {
			note(out, file, path, base, nil)
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			p := strings.TrimPrefix(path+"."+key.Value, ".")
			out[p] = Position{File: file, Line: key.Line}
			note(out, file, p, n.Content[i+1], services)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			p := path + "." + strconv.Itoa(i)
			out[p] = Position{File: file, Line: c.Line}
			if key, _, ok := strings.Cut(deref(c).Value, "="); ok && c.Kind == yaml.ScalarNode {
				out[path+"."+key] = out[p] // args and labels may be lists of KEY=value
			}
			note(out, file, p, c, services)
		}
	}
}

// extended returns the service of the same file that n extends, nil if none.
func extended(n, services *yaml.Node) *yaml.Node {
	ext := value(n, "extends")
	if ext == nil || services == nil {
		return nil
	}
	ext = deref(ext)
	if ext.Kind == yaml.MappingNode {
		if value(ext, "file") != nil || value(ext, "service") == nil {
			return nil
		}
		ext = value(ext, "service")
	}
	return value(services, ext.Value)
}

// using returns where a service uses a variable, or else the service.
func (r *reader) using(service, variable string) Position {
	at := r.positions(service)[""]
	for _, src := range r.ordered() {
		src.each(func(root *yaml.Node) {
			services := value(root, "services")
			if services == nil {
				return
			}
			if n := value(services, service); n != nil {
				if line := lineOf(n, "${"+variable); line > 0 {
					at = Position{File: src.file, Line: line}
				}
			}
		})
	}
	return at
}

// lineOf returns the line of the first scalar below n that has text in it, 0 if none has.
func lineOf(n *yaml.Node, text string) int {
	n = deref(n)
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, text) {
		return n.Line
	}
	for _, c := range n.Content {
		if line := lineOf(c, text); line > 0 {
			return line
		}
	}
	return 0
}
