// Package buildx carries out a Plan on a BuildKit builder and tells what it did.
//
// It is the only package that imports docker/buildx, whose Go API is not stable: an upgrade of buildx may touch
// this package and no other. It translates, calls and translates back; which stage is built is decided before.
package buildx

import (
	// Every driver that buildx has stays available to our users.
	_ "github.com/docker/buildx/driver/cloud"
	_ "github.com/docker/buildx/driver/docker"
	_ "github.com/docker/buildx/driver/docker-container"
	_ "github.com/docker/buildx/driver/kubernetes"
	_ "github.com/docker/buildx/driver/remote"
	// BuildKit's own message codec, several times as fast as the default.
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto"
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc"
)
