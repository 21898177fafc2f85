package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// print prints a section for each kind of thing that is there.
func (x *aside) print(w io.Writer) error {
	var folders, images [][]string
	for _, c := range x.CacheFolders {
		folders = append(folders, []string{
			c.Class, units.HumanSize(float64(c.Size)), units.HumanSize(float64(c.Unreached)), cmp.Or(strings.Join(c.Services, ", "), "-"), c.Dir,
		})
	}
	for _, l := range x.Layouts {
		images = append(images, []string{
			l.Class, units.HumanSize(float64(l.Size)), units.HumanSize(float64(l.Unreached)), l.Service, l.Dir,
		})
	}
	if err := section(w, "cache folders; unreached is what their index does not lead to:", []string{"state", "size", "unreached", "for", "folder"}, folders); err != nil {
		return err
	}
	if err := section(w, "OCI layouts:", []string{"state", "size", "unreached", "for", "folder"}, images); err != nil {
		return err
	}
	if len(x.Leftovers) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nleft by commands that came to no end:")
	for _, l := range x.Leftovers {
		if _, err := fmt.Fprintln(w, l.text()); err != nil {
			return err
		}
	}
	return nil
}

// section prints a table below a line, if it has any rows.
func section(w io.Writer, title string, head []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\n%s\n", title)
	return table(w, append([][]string{head}, rows...))
}

// text is a leftover in a line.
func (l *leftover) text() string {
	kinds := map[string]string{"bench": "bench", "files": "a temporary folder", "image": "an image that was being written"}
	text := kinds[l.Kind] + ": " + l.What
	if l.Project != "" {
		text += fmt.Sprintf(" (project %s)", l.Project)
	}
	if l.Size > 0 {
		text += ", " + units.HumanSize(float64(l.Size))
	}
	if !l.Started.IsZero() {
		text += fmt.Sprintf(", %s ago", units.HumanDuration(time.Since(l.Started)))
	}
	if l.Unknown != "" {
		text += "; not known: " + l.Unknown
	}
	return text
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
