package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/streams"
	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// consent is what a build may do beyond its project.
type consent struct{ allow []string }

func (c *consent) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&c.allow, "allow", nil, "Allow more than usual: network.host, security.insecure, fs.read=PATH, fs=PATH")
}

// check asks once for all that the plan does beyond its project and --allow does not grant. Without a terminal to ask
// on, it is an error.
func (c *consent) check(ctx context.Context, a *app, plan *targets.Plan) error {
	if err := targets.CheckAllow(c.allow); err != nil {
		return usageError("%v", err)
	}
	asks := plan.Asks(absolutePaths(c.allow))
	if len(asks) == 0 {
		return nil
	}
	in := streams.NewIn(os.Stdin)
	if !in.IsTerminal() {
		return fmt.Errorf("the build is not allowed to go beyond its project:\n%shint: %s allows it",
			listAsks(asks), targets.Granting(asks))
	}
	_, _ = fmt.Fprintf(a.err, "The build goes beyond its project:\n%s%s allows it without a question.\nAllow it now? [y/N] ",
		listAsks(asks), targets.Granting(asks))
	if ok, err := saysYes(ctx, in); err != nil || ok {
		return err
	}
	return errors.New("not allowed, and nothing was built")
}

// absolutePaths takes the paths of --allow from the working directory.
func absolutePaths(allow []string) []string {
	var out []string
	for _, v := range allow {
		if key, path, ok := strings.Cut(v, "="); ok && strings.HasPrefix(key, "fs") && path != "*" {
			if abs, err := filepath.Abs(path); err == nil {
				v = key + "=" + abs
			}
		}
		out = append(out, v)
	}
	return out
}

func listAsks(asks []targets.Ask) string {
	var b strings.Builder
	for _, ask := range asks {
		fmt.Fprintf(&b, "  %s (%s)\n", ask.What, strings.Join(ask.Services, ", "))
	}
	return b.String()
}

// saysYes reads an answer; it gives up when the context ends, as a terminal's read does not.
func saysYes(ctx context.Context, in io.Reader) (bool, error) {
	answers := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		answers <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case answer := <-answers:
		return answer == "y" || answer == "yes", nil
	}
}
