package buildx

import "github.com/docker-catmandu/docker-catmandu/pkg/joint"

// FolderName is what a builder calls a folder of this machine that joint builds send it.
func FolderName(dir string) string { return joint.LocalName(dir) }

// Name is that of the builder.
func (l *Live) Name() string { return l.builder.Name }
