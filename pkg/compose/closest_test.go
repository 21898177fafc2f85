package compose

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestClosest(t *testing.T) {
	choices := []string{"dev", "production", "web"}
	for word, want := range map[string]string{
		"producton": "production", "DEV": "dev", "prod": "production", "wbe": "web", "develop": "dev", "frontend": "", "": "",
	} {
		assert.Equal(t, Closest(word, choices), want, word)
	}
	assert.Equal(t, Closest("x", nil), "")
}
