//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestBenchShop measures the example: the table has all stages under all scenarios, and the report stands up to a browser.
func TestBenchShop(t *testing.T) {
	dir := t.TempDir()
	home, shop := filepath.Join(dir, "home"), filepath.Join(dir, "shop")
	check(t, os.CopyFS(shop, os.DirFS(filepath.Join(os.Getenv("E2E_BIN"), "../examples/shop"))))
	check(t, os.Chmod(filepath.Join(shop, "web/cgi-bin"), 0o755))
	busybox, err := os.ReadFile(filepath.Join(os.Getenv("E2E_BIN"), "debian/bin/busybox"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(mkdir(filepath.Join(dir, "busybox/bin")), "busybox"), busybox, 0o755))

	report := filepath.Join(dir, "report.html")
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "docker-catmandu"), "bench", "--runs", "2", "--save", "--report", report,
		"--allow", "fs.read="+filepath.Join(dir, "busybox"))
	cmd.Dir = shop
	cmd.Env = append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+filepath.Join(home, ".docker"), "CATMANDU_CACHE_DIR="+filepath.Join(home, "cache"),
		"DOCKER_HOST=unix:///nonexistent.sock", "BUILDX_BUILDER=", "GITHUB_STEP_SUMMARY=", "SHOP_BUSYBOX="+filepath.Join(dir, "busybox"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, pattern := range []string{
		`(?m)^web prod +cold +deps +source +warm$`,
		`(?m)^web dev +cold +deps +source +warm$`,
		`(?m)^api prod +cold +deps +source +warm$`,
		`(?m)^base +\d\S* .*cached +cached +cached$`,
		`(?m)^deps +\d\S* .*cached +cached$`,
		`(?m)^production +\d`,
		`(?m)^development +\d.*cached$`,
		`(?m)^whole project prod `,
		`(?m)^all images, wall +\d`,
		`(?m)^all images, CPU +\d`,
		`(?m)^ +web +prod +production \(image\) +1\.\d+MB`,
		`(?m)^ +web +dev +development \(image\) +1\.\d+MB`,
		`(?m)^ +web +prod +base +1\.\d+MB`,
	} {
		if !regexp.MustCompile(pattern).Match(stdout) {
			t.Errorf("no match for %s in\n%s", pattern, stdout)
		}
	}
	checkReport(t, report)
}
