//go:build e2e

package parcel

import (
	"os"
	"testing"

	"gotest.tools/v3/assert"
)

// TestOwners is TestRoundTrip with owners and permissions of all kinds, which takes root.
func TestOwners(t *testing.T) {
	assert.Equal(t, os.Geteuid(), 0, "this test needs root")
	roundTrip(t, true)
}
