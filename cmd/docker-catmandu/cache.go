package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// cacheDir is where we keep what can be made again: $CATMANDU_CACHE_DIR, or docker-catmandu in the user's cache folder.
func cacheDir() (string, error) {
	if dir := os.Getenv("CATMANDU_CACHE_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "docker-catmandu"), nil
}

// projectKey names a project's folder in the cache; projects of one name in two folders have two.
func projectKey(name, dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return name + "-" + hex.EncodeToString(sum[:4])
}
