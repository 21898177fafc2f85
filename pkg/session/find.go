package session

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Find returns the session that somebody means: by its id or the begin of it, "latest", "latest~2" for the second before it,
// the revision that it measured or the begin of it (then the last of that revision), or the path of a file. It has its runs where
// they are kept.
func (st *Store) Find(ref string) (*Session, error) {
	if looksLikePath(ref) {
		return readFile(ref)
	}
	all, err := st.entries()
	if err != nil {
		return nil, err
	}
	e, err := pick(all, ref)
	if err != nil {
		return nil, err
	}
	s, err := st.Load(e.id)
	if err != nil || s != nil {
		return s, err
	}
	return e.line, nil
}

// looksLikePath also takes the name of a file that is there, unless it may be an id.
func looksLikePath(ref string) bool {
	if strings.ContainsAny(ref, `/\`) || strings.HasSuffix(ref, ".json") || strings.HasSuffix(ref, ".json.gz") {
		return true
	}
	info, err := os.Stat(ref)
	return err == nil && info.Mode().IsRegular() && strings.Contains(ref, ".")
}

func pick(all []entry, ref string) (entry, error) {
	if len(all) == 0 {
		return entry{}, fmt.Errorf("session %q: there are none yet", ref)
	}
	if back, ok := strings.CutPrefix(ref, "latest"); ok {
		return latest(all, ref, back)
	}
	id := strings.ToUpper(ref)
	var byID, byRevision []entry
	for _, e := range all {
		switch {
		case e.id == ref:
			return e, nil
		case ref != "" && (strings.HasPrefix(e.id, ref) || strings.HasPrefix(e.id, id)):
			byID = append(byID, e)
		case len(ref) >= 4 && strings.HasPrefix(e.revision, strings.ToLower(ref)):
			byRevision = append(byRevision, e)
		}
	}
	switch {
	case len(byID) == 1:
		return byID[0], nil
	case len(byID) > 1:
		return entry{}, fmt.Errorf("session %q: %d begin with it: %s and %s", ref, len(byID), byID[0].id, byID[1].id)
	case len(byRevision) == 0:
		return entry{}, fmt.Errorf("session %q: there is none; the latest of %d is %s\n"+
			`hint: say an id, a revision, the path of a file, "latest" or "latest~1"`, ref, len(all), all[len(all)-1].id)
	}
	last := byRevision[len(byRevision)-1]
	for _, e := range byRevision {
		if e.revision != last.revision {
			return entry{}, fmt.Errorf("session %q: two revisions begin with it: %s and %s", ref, e.revision, last.revision)
		}
	}
	return last, nil
}

// latest takes what follows the word: nothing, "~" or "~2".
func latest(all []entry, ref, back string) (entry, error) {
	n := 0
	if back != "" {
		number, ok := strings.CutPrefix(back, "~")
		if number == "" {
			number = "1"
		}
		var err error
		if n, err = strconv.Atoi(number); err != nil || !ok || n < 0 {
			return entry{}, fmt.Errorf(`session %q: "latest" or "latest~1" would be right`, ref)
		}
	}
	if n >= len(all) {
		return entry{}, fmt.Errorf("session %q: there are only %d", ref, len(all))
	}
	return all[len(all)-1-n], nil
}
