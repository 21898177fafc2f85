package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/comparison"
	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

type affectedOptions struct {
	from   planFlags
	exact  bool
	format format
}

const affectedLong = `Name the services whose image would change between BASE and HEAD: git revisions, compared without a checkout and without
a builder. Without HEAD it is the working tree, with what is not committed; files that git ignores count in no build
context. Without BASE it is the default branch, or in a pull request on GitHub the branch that it goes to.

BASE stands for its merge base with HEAD, as in a review: what happened on it since doesn't count. --exact takes BASE itself.

A service is affected when a step of its build would not come from the cache any more, or its image has another
configuration, tag or platform. Where that can't be known without a builder (a syntax or a build context from elsewhere), it
is affected when its build section or any file that it may take changed. What a build gets from elsewhere (images, URLs, git
repositories, secrets) is taken to be the same as long as it is named the same.`

const affectedExample = `  docker catmandu affected
  docker catmandu affected --format table origin/main
  docker catmandu affected --target prod v1.2.0 v1.3.0
  echo "services=$(docker catmandu affected --format github-matrix)" >> "$GITHUB_OUTPUT"
  docker catmandu build --target prod --affected origin/main`

func newAffectedCommand(a *app, project *projectFlags) *cobra.Command {
	o := affectedOptions{from: planFlags{project: project}}
	cmd := &cobra.Command{
		Use:     "affected [OPTIONS] [BASE [HEAD]]",
		Short:   "Name the services whose image changes between git revisions",
		Long:    affectedLong,
		Example: affectedExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usageError("affected takes BASE and HEAD (there are %d arguments)", len(args))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			args = append(args, "", "")
			return runAffected(cmd.Context(), a, &o, args[0], args[1])
		},
	}
	o.from.add(cmd.Flags())
	o.format.add(cmd.Flags(), "names", "table", "json", "github-matrix")
	cmd.Flags().BoolVar(&o.exact, "exact", false, "Compare with BASE itself, not with its merge base with HEAD")
	completeTargets(cmd, &o.from)
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(o.format.choices, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runAffected(ctx context.Context, a *app, o *affectedOptions, base, head string) error {
	r, err := resolveRange(ctx, &o.from, base, head, o.exact)
	if err != nil {
		return err
	}
	found, err := a.affected(ctx, &o.from, r, nil, nil)
	if err != nil {
		return err
	}
	switch o.format.value {
	case "json":
		return printJSON(a.out, found)
	case "github-matrix":
		return json.NewEncoder(a.out).Encode(matrixOf(found.Changes)) // one line, as an output of a step must be
	}
	if len(found.Changes) == 0 {
		fmt.Fprintf(a.err, "no service is affected since %s\n", found.Base)
	}
	if o.format.value == "table" {
		return printAffected(a.out, found, found.dir)
	}
	for _, c := range found.Changes {
		if _, err := fmt.Fprintln(a.out, c.Service); err != nil {
			return err
		}
	}
	return nil
}

// affected is which services differ between two revisions.
type affected struct {
	Project string `json:"project"`
	Base    commit `json:"base"`
	Head    commit `json:"head"`
	*comparison.Comparison
	// Images are those that nothing is known of, so that only their names count.
	Images []string `json:"unknownImages"`

	dir string
}

// affected compares. The plan is that of the working tree when it is known.
func (a *app) affected(ctx context.Context, from *planFlags, r revisionRange, services []string, plan *targets.Plan) (*affected, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	baseTree, headTree, err := openTrees(ctx, r)
	if err != nil {
		return nil, err
	}
	defer baseTree.Close()
	defer headTree.Close()
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	images := frontend.NewAssumed(frontend.NewMemory(imagesFile(cache)))
	c := &sides{from: from, services: services, images: images, object: baseTree.Commit()}
	head, err := c.head(ctx, headTree, plan)
	if err != nil {
		return nil, err
	}
	defer head.close()
	base, err := c.base(ctx, baseTree, head)
	if err != nil {
		return nil, err
	}
	defer base.close()
	found, err := comparison.New(ctx, &base.Side, &head.Side)
	if err != nil {
		return nil, err
	}
	r.base.ID, r.head.ID = baseTree.Commit(), headTree.Commit()
	if unknown := images.Unknown(); len(unknown) > 0 {
		fmt.Fprintln(a.err, notKnown(unknown))
	}
	return &affected{
		Project: head.Plan.Project, Base: r.base, Head: r.head, Comparison: found, Images: images.Unknown(),
		dir: head.Files.Real(head.Plan.Dir),
	}, nil
}

// notKnown warns of images that only their names are known of.
func notKnown(images []string) string {
	var names []string
	for _, image := range images {
		name, _, _ := strings.Cut(image, "@")
		names = append(names, name)
	}
	if len(names) == 1 {
		return "warning: base image " + names[0] + " is not known here: ONBUILD instructions and variables in it are not considered; a build makes it known"
	}
	return "warning: base images " + some(names) + " are not known here: ONBUILD instructions and variables in them are not considered; a build makes them known"
}

// openTrees opens what is compared, both at once.
func openTrees(ctx context.Context, r revisionRange) (base, head *revision.Tree, err error) {
	var eg errgroup.Group
	eg.Go(func() (err error) {
		base, err = revision.Open(ctx, r.dir, r.base.ID)
		return err
	})
	eg.Go(func() (err error) {
		if r.head.Revision == "" {
			head, err = revision.WorkingTree(ctx, r.dir, revision.Options{})
		} else {
			head, err = revision.Open(ctx, r.dir, r.head.Revision)
		}
		return err
	})
	if err = eg.Wait(); err != nil {
		for _, tree := range []*revision.Tree{base, head} {
			if tree != nil {
				err = errors.Join(err, tree.Close())
			}
		}
	}
	return base, head, err
}
