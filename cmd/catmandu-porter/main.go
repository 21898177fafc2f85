// Catmandu-porter is what docker-catmandu runs beside a cache mount, in a container that has nothing but it.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/docker-catmandu/docker-catmandu/pkg/porter"
)

func main() {
	debug.SetGCPercent(400) // what it holds on to is little, and what it goes through is much
	if err := porter.Help(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
