package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// projects are all that have a ledger on this machine. A ledger that was read before is only read again where it has changed.
func projects(cache string, here *targets.Plan, before []usage.Project) ([]usage.Project, error) {
	dirs, err := os.ReadDir(filepath.Join(cache, "projects"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	own := filepath.Base(projectDir(cache, here))
	var waits []func() (usage.Project, error)
	for _, d := range dirs {
		p := usage.Project{Name: projectName(d.Name()), Dir: filepath.Join(cache, "projects", d.Name()), Here: d.Name() == own}
		l := ledger.New(filepath.Join(p.Dir, "ledger"))
		if !l.Exists() {
			continue
		}
		for _, b := range before {
			if b.Dir == p.Dir {
				p.History = b.History
			}
		}
		waits = append(waits, ahead(func() (_ usage.Project, err error) {
			if p.History, err = l.ReadAgain(p.History); err != nil {
				return p, fmt.Errorf("ledger of %s: %w", d.Name(), err)
			}
			if p.Looks, err = readListed[usage.Look](filepath.Join(p.Dir, looksFile)); err != nil {
				return p, err
			}
			p.Renounced, err = readListed[usage.Renounced](filepath.Join(p.Dir, renouncedFile))
			return p, err
		}))
	}
	var out []usage.Project
	for _, wait := range waits {
		p, err := wait()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// looksFile notes when a builder was asked what it has: it takes that for use.
const looksFile = "looks.json"

// keptLooks is how many are kept: an older one doesn't matter when there were later ones.
const keptLooks = 50

func addLook(path string, l usage.Look) error {
	looks, err := readListed[usage.Look](path)
	if err != nil {
		return err
	}
	looks = append(looks, l)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeFile("looks", path, looks[max(0, len(looks)-keptLooks):])
}
