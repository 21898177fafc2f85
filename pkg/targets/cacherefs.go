package targets

// RegistryRefs are the names in registries that cache entries of a target have, as they are written.
func RegistryRefs(entries []string) []string {
	var refs []string
	for _, entry := range entries {
		if ref := registryRef(entry); ref != "" {
			refs = append(refs, ref)
		}
	}
	return refs
}
