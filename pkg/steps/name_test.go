package steps

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestAlike(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"[build 2/5] COPY . .", "[build 2/6] COPY . .", true},
		{"[linux/amd64 a 2/5] COPY --from=b /x /y", "[a 2/5] COPY --from=c /x /y", true},
		{"[2/5] ADD ./src src/", "[2/5] COPY src src", true},
		{"[2/5] WORKDIR /a", "[2/5] WORKDIR /b", false},
		{"[2/5] COPY a b", "[2/5] LINK COPY a b", false},
	} {
		assert.Equal(t, Alike(tc.a) == Alike(tc.b), tc.same, "%s, %s", tc.a, tc.b)
	}
}
