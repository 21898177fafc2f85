package main

import (
	_ "github.com/compose-spec/compose-go/v2/cli"
	_ "github.com/compose-spec/compose-go/v2/loader"
	_ "github.com/docker/buildx/build"
	_ "github.com/docker/buildx/builder"
	_ "github.com/docker/buildx/driver/docker"
	_ "github.com/docker/buildx/driver/docker-container"
	_ "github.com/docker/buildx/driver/kubernetes"
	_ "github.com/docker/buildx/driver/remote"
	_ "github.com/docker/cli/cli-plugins/plugin"
	_ "github.com/moby/buildkit/cmd/buildkitd/config"
	_ "github.com/moby/buildkit/control"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto"
	_ "github.com/moby/buildkit/worker/runc"
	_ "github.com/spf13/cobra"
)

func main() {}
