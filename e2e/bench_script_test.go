//go:build e2e

package e2e

import (
	"encoding/json"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptRun is what a script asks of a run of bench.
type scriptRun struct {
	Service, Scenario, Version string
	Round                      int
	Valid                      bool
	Why, Proof                 string
}

// runs FILE CASE PATTERN: bench has made runs of a case, which is a scenario or SERVICE/SCENARIO, and each but the warm-up
// matches: "valid: PROOF" or "invalid: WHY". With "!" none matches.
func runsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: runs FILE CASE PATTERN")
	}
	pattern, err := regexp.Compile(args[2])
	ts.Check(err)
	var session struct{ Runs []scriptRun }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &session))
	seen := 0
	for _, r := range session.Runs {
		if r.Round == 0 || r.Scenario != args[1] && r.Service+"/"+r.Scenario != args[1] {
			continue
		}
		seen++
		text := "invalid: " + r.Why
		if r.Valid {
			text = "valid: " + r.Proof
		}
		if pattern.MatchString(text) == neg {
			ts.Fatalf("a run of %s (%s) is %q", args[1], r.Version, text)
		}
	}
	if seen == 0 {
		ts.Fatalf("there is no run of %s", args[1])
	}
}
