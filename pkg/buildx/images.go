package buildx

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/cli/cli/command"
	"github.com/moby/moby/client"
)

// EngineImage is an image that a build of a project brought into the Docker Engine.
type EngineImage struct {
	ID string `json:"id"`
	// Tags are its names; without any, another image was built under the name that it had.
	Tags    []string  `json:"tags"`
	Service string    `json:"service,omitempty"`
	Size    int64     `json:"size"`
	Created time.Time `json:"createdAt"`
}

// Labels by which docker compose knows its images; every image that we build has them, too.
const (
	projectLabel = "com.docker.compose.project"
	serviceLabel = "com.docker.compose.service"
)

// EngineImages are those of a project, by ID. Where no engine answers there are none.
func EngineImages(ctx context.Context, cli command.Cli, project string) ([]EngineImage, error) {
	out := []EngineImage{}
	if !engineAnswers(ctx, cli) {
		return out, nil
	}
	api, err := dockerutil.NewClientAPI(cli, cli.CurrentContext())
	if err != nil {
		return nil, err
	}
	found, err := api.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("label", projectLabel+"="+project)})
	if err != nil {
		return nil, err
	}
	for _, i := range found.Items {
		tags := slices.DeleteFunc(slices.Clone(i.RepoTags), func(t string) bool { return t == "<none>:<none>" })
		out = append(out, EngineImage{
			ID: i.ID, Tags: append([]string{}, tags...), Service: i.Labels[serviceLabel], Size: i.Size, Created: time.Unix(i.Created, 0),
		})
	}
	slices.SortFunc(out, func(a, b EngineImage) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// ErrImageUsed says that a container was made of an image, or that it has a name by now.
var ErrImageUsed = errors.New("the image is in use")

// RemoveEngineImage removes an image that has no name. Parents that nothing else needs go with it.
func RemoveEngineImage(ctx context.Context, cli command.Cli, id string) error {
	api, err := dockerutil.NewClientAPI(cli, cli.CurrentContext())
	if err != nil {
		return err
	}
	now, err := api.ImageInspect(ctx, id)
	switch {
	case cerrdefs.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case len(now.RepoTags) > 0:
		return ErrImageUsed
	}
	_, err = api.ImageRemove(ctx, id, client.ImageRemoveOptions{PruneChildren: true})
	switch {
	case cerrdefs.IsNotFound(err):
		return nil
	case cerrdefs.IsConflict(err):
		return ErrImageUsed
	}
	return err
}
