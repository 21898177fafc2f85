package buildx

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestIsOf(t *testing.T) {
	for _, test := range []struct {
		id, target, description string
		want                    bool
	}{
		{"/npm", "/root/.npm", `cached mount /root/.npm from exec /bin/sh -c npm ci with id "/npm"`, true},
		{"/npm", "/root/.npm", `cached mount /c from container x with id "/npm"`, true},
		{"/npm", "/root/.npm", `cached mount /root/.npm from exec /bin/sh -c npm ci with id "/other"`, false},
		{"/npm", "/npm", "cached mount /npm from exec /bin/sh -c npm ci", true},
		{"/npm", "/npm", "cached mount /npm2 from exec /bin/sh -c npm ci", false},
		{"//c", "/c", "cached mount /c from exec /bin/sh -c true", true}, // as old ones say it
		{"/npm", "/npm", "mount / from exec cached mount /npm from ", false},
		{"/npm", "/npm", "[1/2] COPY . .", false},
	} {
		assert.Equal(t, isOf(CacheMount{ID: test.id, Target: test.target}, test.description), test.want, test.description)
	}
}
