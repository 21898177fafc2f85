package compose

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// runtimeKeys are the settings of a service that no build reads, as compose-spec names them. They are
// removed before anything looks at a file, so that a missing env_file, an unset variable in a health check
// or a malformed port can't stop a build. A key that is neither here nor known is left for the schema.
var runtimeKeys = set(`annotations attach blkio_config cap_add cap_drop cgroup cgroup_parent command configs
	container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset
	credential_spec depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname
	entrypoint env_file environment expose external_links extra_hosts gpus group_add healthcheck hostname init ipc
	isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit
	models network_mode networks oom_kill_disable oom_score_adj pid pids_limit ports post_start pre_start pre_stop
	privileged provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size
	stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits umask use_api_socket user
	userns_mode uts volumes volumes_from working_dir`)

// buildKeys are the settings of a service that a build reads.
var buildKeys = set(`build extends image platform profiles`)

// runtimeSections are the top-level sections that no build reads.
var runtimeSections = set(`configs jobs models networks volumes`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// prune removes from a document what no build reads.
func prune(doc *yaml.Node) {
	root := content(doc)
	if root == nil || root.Kind != yaml.MappingNode {
		return
	}
	dropKeys(root, runtimeSections)
	if services := value(root, "services"); services != nil && services.Kind == yaml.MappingNode {
		for i := 1; i < len(services.Content); i += 2 {
			pruneService(services.Content[i])
		}
	}
	restoreAnchors(root, map[*yaml.Node]bool{})
}

// pruneService prunes a service and the mappings that are merged into it with "<<".
func pruneService(n *yaml.Node) {
	n = deref(n)
	if n.Kind != yaml.MappingNode {
		return
	}
	dropKeys(n, runtimeKeys)
	merged := value(n, "<<")
	if merged == nil {
		return
	}
	if merged = deref(merged); merged.Kind != yaml.SequenceNode {
		pruneService(merged)
		return
	}
	for _, m := range merged.Content {
		pruneService(m)
	}
}

// dropKeys removes the pairs of a mapping whose key is in drop.
func dropKeys(n *yaml.Node, drop map[string]bool) {
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !drop[n.Content[i].Value] {
			kept = append(kept, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = kept
}

// restoreAnchors makes what is left of a document fit to be written: an alias becomes the node it names where
// pruning removed that.
func restoreAnchors(n *yaml.Node, seen map[*yaml.Node]bool) {
	if n.Kind == yaml.AliasNode {
		if seen[n.Alias] {
			return
		}
		seen[n.Alias] = true
		*n = *n.Alias
	}
	if n.Anchor != "" {
		seen[n] = true
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		n.Value = "null" // an empty null in a flow mapping would be written as an empty string
	}
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, c := range n.Content {
		restoreAnchors(c, seen)
	}
}

// content returns the node below a document, nil for an empty one.
func content(doc *yaml.Node) *yaml.Node {
	if doc.Kind != yaml.DocumentNode {
		return doc
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

// value returns what a mapping holds for key, nil if nothing.
func value(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func deref(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
