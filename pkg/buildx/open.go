package buildx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/store/storeutil"
	"github.com/docker/buildx/util/confutil"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/buildx/util/imagetools"
	"github.com/docker/buildx/util/logutil"
	"github.com/docker/cli/cli/command"
	"github.com/moby/moby/client"
	"github.com/sirupsen/logrus"
)

// engineTimeout bounds the question whether a Docker Engine answers. A local socket answers or refuses within
// milliseconds; a Docker context may name a machine far away.
const engineTimeout = 5 * time.Second

// OpenOptions say which builder to use.
type OpenOptions struct {
	// Name is that of a buildx builder; empty is the current one.
	Name string
	// Dir is the project directory; the kubernetes driver picks a node by it.
	Dir string
	// Private starts a BuildKit of our own and returns its address; nil where there can be none.
	Private func(context.Context) (address string, err error)
	// ConfigDir holds what buildx remembers of builds on a private BuildKit, so that the user's own
	// configuration is not touched.
	ConfigDir string
	// Notices gets a line for what the user should know of the choice.
	Notices io.Writer
}

// Builder is one or more BuildKit daemons, ready to build.
type Builder struct {
	Name string
	// Driver is buildx's word for how the builder is reached, such as "docker" or "remote".
	Driver string

	cli    command.Cli
	nodes  []builder.Node
	config *confutil.Config
	// engine tells whether the Docker context's engine answers. It is asked once, and only when it matters.
	engine func() bool
}

// Open returns the builder to use: the one named, or the current one of buildx if it is not just the Docker
// context's engine, or that engine if it answers, or a private one.
func Open(ctx context.Context, cli command.Cli, o OpenOptions) (*Builder, error) {
	hushLogs()
	opts := []builder.Option{builder.WithContextPathHash(o.Dir)}
	if o.Name != "" {
		opts = append(opts, builder.WithName(o.Name))
	} else {
		opts = append(opts, builder.WithSkippedValidation()) // the engine need not be there
	}
	chosen, err := builder.New(cli, opts...)
	if err != nil {
		return nil, unknownBuilder(cli, o.Name, err)
	}
	b := &Builder{cli: cli, config: confutil.NewConfig(cli)}
	b.engine = sync.OnceValue(func() bool { return engineAnswers(ctx, cli) })
	isEngine := chosen.Driver == "" || chosen.Driver == "docker" // buildx writes no driver down for a Docker context
	if o.Name == "" && isEngine && !b.engine() {
		registry, err := chosen.ImageOpt()
		if err != nil {
			return nil, err
		}
		return b.openPrivate(ctx, o, registry)
	}
	b.Name = chosen.Name
	b.nodes, err = chosen.LoadNodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("builder %q: %w", b.Name, err)
	}
	b.Driver = chosen.Driver
	for _, n := range b.nodes {
		if n.Err != nil {
			return nil, fmt.Errorf("builder %q: %w", b.Name, n.Err)
		}
	}
	overhear(b.nodes)
	return b, nil
}

// unknownBuilder adds the names there are to buildx's error.
func unknownBuilder(cli command.Cli, name string, err error) error {
	names, listErr := Names(cli)
	if name == "" || listErr != nil || slices.Contains(names, name) {
		return err
	}
	return fmt.Errorf("no such builder: %s\nhint: docker buildx ls lists them, docker buildx create makes one", name)
}

// openPrivate uses a BuildKit that is started for us, as a node made by hand.
func (b *Builder) openPrivate(ctx context.Context, o OpenOptions, registry imagetools.Opt) (*Builder, error) {
	if o.Private == nil {
		return nil, errors.New("no builder: no Docker Engine answers, and a private BuildKit runs on Linux only\nhint: start Docker, or name a builder with --builder")
	}
	address, err := o.Private(ctx)
	if err != nil {
		return nil, fmt.Errorf("no Docker Engine answers, and no private BuildKit: %w", err)
	}
	const name = "catmandu"
	node, err := remoteNode(ctx, b.cli, name, address, registry)
	if err != nil {
		return nil, fmt.Errorf("private BuildKit at %s: %w", address, err)
	}
	b.Name, b.Driver = name, "remote"
	b.config = confutil.NewConfig(b.cli, confutil.WithDir(o.ConfigDir))
	b.nodes = []builder.Node{node}
	overhear(b.nodes)
	_, _ = fmt.Fprintf(o.Notices, "no Docker Engine answers: building with a private BuildKit at %s\n", address)
	return b, nil
}

// engineAnswers tells whether the Docker context's engine is there.
func engineAnswers(ctx context.Context, cli command.Cli) bool {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	api, err := dockerutil.NewClientAPI(cli, cli.CurrentContext())
	if err != nil {
		return false
	}
	_, err = api.Ping(ctx, client.PingOptions{})
	return err == nil
}

// Names returns the names of the builders that buildx knows, for completion.
func Names(cli command.Cli) ([]string, error) {
	txn, release, err := storeutil.GetStore(cli)
	if err != nil {
		return nil, err
	}
	defer release()
	groups, err := txn.List()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
	}
	slices.Sort(names)
	return names, nil
}

// hushLogs drops log lines of the libraries that say nothing to a user, as buildx's own root command does.
func hushLogs() {
	logrus.AddHook(logutil.NewFilter([]logrus.Level{logrus.DebugLevel, logrus.WarnLevel},
		"serving grpc connection",
		"stopping session",
		"using default config store",
		"failed check for fsverity support",
		"failed to reset cache store", // somebody reads it: the next export does it
	))
	log.SetOutput(standardLog{os.Stderr})
}

// standardLog leaves out what net/http2 says of a session whose build has ended: the builder closes it as it likes.
type standardLog struct{ io.Writer }

func (l standardLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("http2: server connection error")) {
		return len(line), nil
	}
	return l.Writer.Write(line)
}
