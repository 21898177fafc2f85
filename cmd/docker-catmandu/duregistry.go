package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/docker/go-units"

	"github.com/docker-catmandu/docker-catmandu/pkg/refs"
)

// duPatience is how long du waits for an answer of a registry: it has more to show.
const duPatience = 3 * time.Second

// exportedRefs are the caches of the project in registries. Nobody is asked where it exports to none.
func (a *app) exportedRefs(ctx context.Context, from *planFlags, h *holdings, builder string) ([]refs.Ref, error) {
	c, err := a.registryCaches(ctx, from, h.plans, builder, nil)
	if err != nil {
		return nil, err
	}
	c.within = duPatience
	c.read(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for _, err := range c.unread {
		c.unknown = append(c.unknown, "caches in registries: "+err.Error())
	}
	h.unknown = append(h.unknown, c.unknown...)
	return refs.New(c.Question, refs.Selection{OlderThan: refAge}).Refs, nil
}

// printExported prints a row for each ref, or how many there are.
func printExported(w io.Writer, list []refs.Ref, each bool) error {
	if len(list) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil || each {
		return printRefs(w, list)
	}
	number, bytes := map[string]int{}, map[string]int64{}
	for _, r := range list {
		number[r.State]++
		bytes[r.State] += r.Bytes
	}
	line := "build caches in registries:"
	sep := " "
	for _, state := range []string{refs.Used, refs.Kept, refs.Expired} {
		if number[state] > 0 {
			line += fmt.Sprintf("%s%s: %d, %s", sep, state, number[state], units.HumanSize(float64(bytes[state])))
			sep = "; "
		}
	}
	_, err := fmt.Fprintln(w, line+" (blobs that they share count in each)")
	return err
}
