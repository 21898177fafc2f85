package main

import (
	"fmt"
	"io"

	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
)

// advice is what the services of a plan share, or could.
func (o *outlook) advice() []forecast.Advice { return forecast.Advise(o.graphs, o.past.History) }

// printAdvice prints a line for each piece of advice, apart from the table above.
func printAdvice(w io.Writer, all []forecast.Advice) error {
	if len(all) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	for _, a := range all {
		if _, err := fmt.Fprintln(w, a.Text); err != nil {
			return err
		}
	}
	return nil
}
