package buildx

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/docker/buildx/build"
	"github.com/docker/buildx/builder"
	"github.com/moby/buildkit/solver/pb"
)

// attributes are those of BuildKit's Dockerfile frontend that buildx makes of options by itself (its build.toSolveOpt),
// without files and contexts; TestTogether compares the images.
func attributes(o build.Options, node builder.Node) (map[string]string, error) {
	attrs := map[string]string{}
	for name, value := range o.BuildArgs {
		attrs["build-arg:"+name] = value
	}
	for name, value := range node.ProxyConfig {
		if !namesAny(o.BuildArgs, name) {
			attrs["build-arg:"+name] = value
		}
	}
	for name, value := range o.Labels {
		attrs["label:"+name] = value
	}
	set := func(key, value string) {
		if value != "" {
			attrs[key] = value
		}
	}
	set("target", o.Target)
	set("add-hosts", strings.Join(o.ExtraHosts, ","))
	if o.NetworkMode == "none" || o.NetworkMode == "host" {
		set("force-network-mode", o.NetworkMode)
	}
	switch {
	case o.Pull:
		set("image-resolve-mode", pb.AttrImageResolveModeForcePull)
	case node.Driver != nil && node.Driver.IsMobyDriver():
		set("image-resolve-mode", pb.AttrImageResolveModePreferLocal)
	}
	if o.NoCache || len(o.NoCacheFilter) > 0 {
		attrs["no-cache"] = strings.Join(o.NoCacheFilter, ",") // empty is all stages
	}
	if o.ShmSize.Value() > 0 {
		set("shm-size", strconv.FormatInt(o.ShmSize.Value(), 10))
	}
	if o.Ulimits != nil {
		var limits []string
		for _, l := range o.Ulimits.GetList() {
			limits = append(limits, l.String())
		}
		set("ulimit", strings.Join(limits, ","))
	}
	var on []string
	for _, p := range o.Platforms {
		on = append(on, platforms.FormatAll(p))
	}
	set("platform", strings.Join(on, ","))
	if len(o.CacheFrom) > 0 {
		type entry struct {
			Type  string
			Attrs map[string]string
		}
		var list []entry
		for _, c := range o.CacheFrom {
			list = append(list, entry{c.Type, maps.Clone(c.Attrs)})
		}
		text, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		set("cache-imports", string(text))
	}
	return attrs, nil
}

// namesAny tells whether there is a variable of that name in any case, as for proxies: HTTP_PROXY and http_proxy.
func namesAny(args map[string]string, name string) bool {
	for arg := range args {
		if strings.EqualFold(arg, name) {
			return true
		}
	}
	return false
}
