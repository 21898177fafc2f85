package page

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestContrast holds the colours of both schemes to what WCAG asks of text (4.5) and of marks (3).
func TestContrast(t *testing.T) {
	schemes := strings.Split(style, "@media screen and (prefers-color-scheme: dark)")
	assert.Equal(t, len(schemes), 2)
	for i, css := range schemes {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]+)`).FindAllStringSubmatch(css, -1) {
			if _, ok := colours[m[1]]; !ok {
				colours[m[1]] = luminance(t, m[2])
			}
		}
		ratio := func(a, b string) float64 {
			x, y := colours[a], colours[b]
			assert.Assert(t, x > 0 && y > 0, "%s %s", a, b)
			return (max(x, y) + 0.05) / (min(x, y) + 0.05)
		}
		for _, ground := range []string{"page", "card"} {
			for _, text := range []string{"ink", "soft", "head", "bad", "warn", "good"} {
				assert.Assert(t, ratio(text, ground) >= 4.5, "scheme %d: %s on %s has %.2f", i, text, ground, ratio(text, ground))
			}
			assert.Assert(t, ratio("base", ground) >= 3)
		}
		for _, tone := range []string{"bad", "warn", "good"} {
			for _, text := range []string{"ink", "soft", tone} {
				assert.Assert(t, ratio(text, tone+"-pale") >= 4.5, "scheme %d: %s on %s-pale has %.2f", i, text, tone, ratio(text, tone+"-pale"))
			}
		}
		assert.Assert(t, ratio("on", "head") >= 4.5 && ratio("on", "bad") >= 4.5)
		assert.Assert(t, ratio("ink", "head-pale") >= 3 && ratio("ink", "base-pale") >= 3) // the tick of a median
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	hex = hex[1:]
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	out := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		assert.NilError(t, err)
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		out += weight * v
	}
	return out
}
