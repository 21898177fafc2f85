package ledger

import (
	"bytes"
	"os"
	"slices"
)

// compact replaces the file, whose text it is given, by its newest part. The lock is held; who reads the old file keeps it.
func (l *Ledger) compact(text []byte) error {
	c := parse(text)
	kept := c.newest(int(l.maxSize / 2))
	if err := replace(l.path(), c.text(kept)); err != nil {
		return err
	}
	needed := c.lists(kept)
	return l.sweepLists(func(id string) bool {
		return needed[id] || slices.ContainsFunc(c.others, func(at int) bool { return kept[at] && bytes.Contains(c.lines[at], []byte(id)) })
	})
}

// newest returns the lines of the newest builds that fit in so many bytes, with their definitions, but at least of the last.
// What a later version wrote may have as much again: its lines can't be told from one another.
func (c *contents) newest(size int) map[int]bool {
	kept := map[int]bool{}
	room := size
	for i := range slices.Backward(c.builds) {
		lines := slices.DeleteFunc(c.needs(i), func(at int) bool { return kept[at] })
		for _, at := range lines {
			room -= len(c.lines[at]) + 1
		}
		if room < 0 && len(kept) > 0 {
			break
		}
		for _, at := range lines {
			kept[at] = true
		}
	}
	room = size
	for _, at := range slices.Backward(c.others) {
		if room -= len(c.lines[at]) + 1; room < 0 {
			break
		}
		kept[at] = true
	}
	return kept
}

// needs returns the lines of a build, each once.
func (c *contents) needs(i int) []int {
	b := c.builds[i]
	lines := append([]int{b.at}, b.stepsAt...)
	for _, s := range b.steps {
		if d, ok := c.definitions[s.Definition]; ok {
			lines = append(lines, d.at)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// text returns the lines that are kept, as they are, in their order.
func (c *contents) text(kept map[int]bool) []byte {
	var text []byte
	for at, line := range c.lines {
		if kept[at] {
			text = append(append(text, line...), '\n')
		}
	}
	return text
}

// lists returns the side files of the kept builds.
func (c *contents) lists(kept map[int]bool) map[string]bool {
	lists := map[string]bool{}
	for _, b := range c.builds {
		if !kept[b.at] {
			continue
		}
		for _, s := range b.steps {
			lists[listID(join(c.definitions[s.Definition].step, s).Step)] = true
		}
	}
	return lists
}

// replace waits for the disk, for here all builds are at stake.
func replace(path string, text []byte) error {
	tmp := path + ".new" // one at a time, and none is left for ever
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
