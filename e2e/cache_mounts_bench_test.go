//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkCacheMounts measures whole processes: a cache mount of about 1 GB, as npm has one, is saved, saved after a hundredth of it
// changed, and restored into an empty one; beside it the same by archives that a build makes and takes.
func BenchmarkCacheMounts(b *testing.B) {
	m := newMountProject(b)
	m.build(b, "sh /fill.sh 16000 1")
	var sums struct{ first, again, changed, restore, tarSave, tarRestore, moved, whole float64 }
	n := 0
	for b.Loop() {
		n++
		store := "local=" + filepath.Join(b.TempDir(), "store")
		took, moved := m.cache(b, "save", "--store", store)
		sums.first, sums.whole = sums.first+took, sums.whole+moved
		took, _ = m.cache(b, "save", "--store", store)
		sums.again += took
		m.build(b, fmt.Sprintf("sh /fill.sh 160 %d", n+1))
		took, moved = m.cache(b, "save", "--store", store)
		sums.changed, sums.moved = sums.changed+took, sums.moved+moved
		m.build(b, "rm -rf /npm/*")
		took, _ = m.cache(b, "restore", "--store", store)
		sums.restore += took

		sums.tarSave += m.run(b, "docker", "buildx", "build", "--builder", "remote", "-q", "-f", "save", "--build-arg", m.nonce(), "-o", "archive", ".")
		m.build(b, "rm -rf /npm/*")
		sums.tarRestore += m.run(b, "docker", "buildx", "build", "--builder", "remote", "-q", "-f", "restore", "--build-arg", m.nonce(), "archive/out")
	}
	for name, sum := range map[string]float64{
		"save-s": sums.first, "save-same-s": sums.again, "save-changed-s": sums.changed, "restore-s": sums.restore,
		"tar-save-s": sums.tarSave, "tar-restore-s": sums.tarRestore, "MB": sums.whole / 1e6,
	} {
		b.ReportMetric(sum/float64(n), name)
	}
	b.ReportMetric(100*sums.moved/sums.whole, "%-moved")
	b.ReportMetric((sums.changed+sums.restore)/(sums.tarSave+sums.tarRestore), "time-ratio")
}

// mountProject is a project with a cache mount in the builder of all.
type mountProject struct {
	forecastProject
	count int
}

func newMountProject(b *testing.B) *mountProject {
	b.Helper()
	m := &mountProject{forecastProject: *newForecastProject(b, 0, 0)}
	const mount = "RUN --mount=type=cache,id=bench-npm,target=/npm,sharing=locked "
	write(b, filepath.Join(m.dir, "compose.yaml"), "services: {web: {build: .}}\n")
	write(b, filepath.Join(m.dir, "Dockerfile"), "FROM busybox:1.37\nCOPY fill.sh /\nARG NONCE\nARG COMMAND=true\n"+mount+"$COMMAND\n")
	write(b, filepath.Join(m.dir, "save"), "FROM busybox:1.37\nARG NONCE\n"+mount+"mkdir /out && tar -C /npm -cf /out/store.tar .\n")
	write(b, filepath.Join(m.dir, "restore"), "FROM busybox:1.37\nARG NONCE\n"+
		"RUN --mount=type=bind,source=store.tar,target=/store.tar --mount=type=cache,id=bench-npm,target=/npm,sharing=locked tar -C /npm -xf /store.tar\n")
	write(b, filepath.Join(m.dir, "fill.sh"), `
awk -v n=$1 -v seed=$2 'BEGIN { srand(seed); for (i = 0; i < n; i++) {
  k = n < 16000 ? int(rand() * 16000) : i
  print k, rand() < 0.05 ? int(rand() * 2000000) : 1 + int(rand() * 30000) } }' | while read k size; do
  mkdir -p /npm/content/$((k % 251)) /npm/index/$((k % 251))
  head -c $size /dev/urandom >/npm/content/$((k % 251))/$k
  echo "{\"key\":\"package-$k\",\"size\":$size,\"url\":\"https://registry.example/package-$k.tgz\"}" >/npm/index/$((k % 251))/$k
done
`)
	return m
}

func (m *mountProject) nonce() string {
	m.count++
	return fmt.Sprintf("NONCE=%d-%d", os.Getpid(), m.count)
}

func (m *mountProject) build(b *testing.B, command string) {
	b.Helper()
	m.run(b, filepath.Join(os.Getenv("E2E_BIN"), "docker-catmandu"), "build", "--output", "type=cacheonly", "--progress", "quiet",
		"--build-arg", m.nonce(), "--build-arg", "COMMAND="+command)
}

// run returns how long a program takes, in seconds.
func (m *mountProject) run(b *testing.B, args ...string) float64 {
	b.Helper()
	if args[0] == "docker" {
		args[0] = filepath.Join(os.Getenv("E2E_BIN"), "tools/docker")
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = m.dir, m.env
	from := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v: %s", args, err, out)
	}
	return time.Since(from).Seconds()
}

// cache returns how long a command takes, and how many bytes it moved.
func (m *mountProject) cache(b *testing.B, args ...string) (seconds, moved float64) {
	b.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "docker-catmandu"), append([]string{"cache"}, append(args, "--format", "json")...)...)
	cmd.Dir, cmd.Env = m.dir, m.env
	cmd.Stderr = os.Stderr
	from := time.Now()
	out, err := cmd.Output()
	seconds = time.Since(from).Seconds()
	if err != nil {
		b.Fatalf("%v: %v: %s", args, err, out)
	}
	var said struct{ Mounts []struct{ Moved float64 } }
	if err := json.Unmarshal(out, &said); err != nil {
		b.Fatal(err)
	}
	return seconds, said.Mounts[0].Moved
}
