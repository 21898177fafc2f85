package compose

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Forms of keys and values, as the published schema has them.
var (
	isScenario = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	isBudget   = regexp.MustCompile(`^(?:(prod|dev)\.)?(?:(image)|stage\.(.+)|cache\.([a-z][a-z0-9_-]*)|([a-z][a-z0-9_-]*))$`)
	isTime     = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$`)
	isSize     = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) *(?:([kKMGT])(i?))?B$`)
	isShare    = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) *%$`)
)

// seconds reads "1m30s".
func seconds(text string) (float64, bool) {
	d, err := time.ParseDuration(text)
	return d.Seconds(), err == nil && isTime.MatchString(text)
}

// bytesOf reads "200MB", or "1.5GiB" in powers of 1024.
func bytesOf(text string) (float64, bool) {
	m := isSize.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	base := 1000.0
	if m[3] != "" {
		base = 1024
	}
	for range strings.Index("KMGT", strings.ToUpper(m[2])) + min(1, len(m[2])) {
		n *= base
	}
	return n, err == nil
}

// share reads "60%" as a part of 1.
func share(text string) (float64, bool) {
	m := isShare.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	return n / 100, err == nil
}
