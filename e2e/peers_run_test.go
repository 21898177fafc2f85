//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sample is what one process and those that it waited for took.
type sample struct{ seconds, megabytes float64 }

// start makes a home in which all peers are plugins, and the builder that they share.
func (r *runner) start() error {
	r.bin = os.Getenv("E2E_BIN")
	home := filepath.Join(r.dir, "home")
	plugins := mkdir(filepath.Join(home, ".docker/cli-plugins"))
	for _, p := range []string{"docker-catmandu", "tools/cli-plugins/docker-buildx", "tools/cli-plugins/docker-compose"} {
		if err := os.Symlink(filepath.Join(r.bin, p), filepath.Join(plugins, filepath.Base(p))); err != nil {
			return err
		}
	}
	// Attestations would give an unchanged image a new digest each time, and the peers more to do.
	r.env = append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+filepath.Dir(plugins), "DOCKER_HOST="+os.Getenv("ENGINE_HOST"),
		"BUILDX_BUILDER=peers", "BUILDX_NO_DEFAULT_ATTESTATIONS=1", "BUILDX_BAKE_ENTITLEMENTS_FS=0")
	for _, name := range []string{"XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"} {
		r.env = append(r.env, name+"=")
	}
	_, err := r.output(home, "buildx", "create", "--name", "peers", "--driver", "remote", os.Getenv("BUILDKIT_ADDR"))
	return err
}

// docker runs the docker CLI in a folder.
func (r *runner) docker(dir string, args ...string) (sample, error) {
	return r.measure(dir, filepath.Join(r.bin, "tools/docker"), args...)
}

func (r *runner) output(dir string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(r.bin, "tools/docker"), args...)
	cmd.Dir, cmd.Env = dir, r.env
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, &problem)
	}
	return string(out), nil
}

// measure runs a program in a folder. Linux counts the memory of whoever starts a process as that process's own until
// it has become another program, so a small process in between starts it, and does the measuring.
func (r *runner) measure(dir, program string, args ...string) (sample, error) {
	result, write, err := os.Pipe()
	if err != nil {
		return sample{}, err
	}
	defer result.Close()
	defer write.Close()
	cmd := exec.Command("/proc/self/exe", append([]string{program}, args...)...)
	cmd.Dir, cmd.Env = dir, append(r.env, "E2E_ROLE=measure")
	cmd.ExtraFiles = []*os.File{write}
	if out, err := cmd.CombinedOutput(); err != nil {
		return sample{}, fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	var got [2]float64
	if err := json.NewDecoder(result).Decode(&got); err != nil {
		return sample{}, err
	}
	return sample{seconds: got[0], megabytes: got[1]}, nil
}

// measure is that small process: it runs its arguments and writes [seconds, megabytes] to file 3.
func measure() (int, error) {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	start := time.Now()
	err := cmd.Run()
	seconds := time.Since(start).Seconds()
	if err != nil {
		return 1, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 1, fmt.Errorf("%s: no resource usage", os.Args[1])
	}
	const kilobyte = 1024 // the unit of maxrss on Linux
	return 0, json.NewEncoder(os.NewFile(3, "result")).Encode([2]float64{seconds, float64(usage.Maxrss) * kilobyte / 1e6})
}

// TestMeasure sees to it that a figure is of the program alone.
func TestMeasure(t *testing.T) {
	ballast := bytes.Repeat([]byte("x"), 200<<20)
	r := &runner{env: os.Environ()}
	got, err := r.measure(t.TempDir(), "/bin/sh", "-c", "sleep 0.2; true")
	if err != nil {
		t.Fatal(err)
	}
	if got.megabytes < 1 || got.megabytes > 50 || got.seconds < 0.2 || got.seconds > 5 {
		t.Errorf("sleep took %+v, and this process has %d bytes more", got, len(ballast))
	}
	big, err := r.measure(t.TempDir(), "/bin/sh", "-c", "dd if=/dev/zero of=/dev/null bs=100M count=1")
	if err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(ballast)
	if big.megabytes < 100 || big.megabytes > 150 {
		t.Errorf("a program that fills 100 MB took %+v", big)
	}
}

const (
	patience = time.Minute
	window   = 300 * time.Millisecond
)

// waitIdle waits until nothing else here is at work. BuildKit writes its history long after a build of many services,
// which would be counted against whoever comes next. What the machine does beside is only noted.
func (r *runner) waitIdle() {
	syscall.Sync()
	deadline := time.Now().Add(patience)
	for before := othersWork(); ; {
		busy, all := machineWork()
		time.Sleep(window)
		after := othersWork()
		if after.ticks-before.ticks <= 1 && after.written-before.written < 64<<10 {
			busyNow, allNow := machineWork()
			r.elsewhere = append(r.elsewhere, 100*float64(busyNow-busy)/float64(max(1, allNow-all)))
			return
		}
		if before = after; time.Now().After(deadline) {
			r.busy++
			return
		}
	}
}

// warnings tell what makes the figures doubtful.
func (r *runner) warnings() string {
	var text string
	if r.busy > 0 {
		text += fmt.Sprintf("! before %d of the builds the daemons were still at work after %s\n", r.busy, patience)
	}
	if len(r.elsewhere) > 0 && median(r.elsewhere) > 20 {
		text += fmt.Sprintf("! the machine was busy with something else, %.0f %% of its CPUs in the median\n", median(r.elsewhere))
	}
	return text
}

// machineWork is the CPU time that the machine has worked, and all there was, in ticks: proc_stat(5).
func machineWork() (busy, all int) {
	stat, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(stat), "\n")
	for i, field := range strings.Fields(line) {
		ticks, _ := strconv.Atoi(field)
		all += ticks
		if i != 4 && i != 5 { // idle, and idle with something to wait for
			busy += ticks
		}
	}
	return busy, all
}

// work is CPU time in ticks of 10 ms, and bytes that were written.
type work struct{ ticks, written int }

// othersWork adds up what all processes of this PID namespace but this one and process 1 have done.
func othersWork() (sum work) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if pid := filepath.Base(dir); pid == "1" || pid == strconv.Itoa(os.Getpid()) {
			continue
		}
		stat, _ := os.ReadFile(dir + "/stat")
		// After the name, which may hold anything, fields 12 and 13 are user and system time: proc_pid_stat(5).
		_, rest, _ := bytes.Cut(stat, []byte(") "))
		if fields := strings.Fields(string(rest)); len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			sum.ticks += user + system
		}
		io, _ := os.ReadFile(dir + "/io")
		if _, rest, ok := strings.Cut(string(io), "\nwrite_bytes: "); ok {
			line, _, _ := strings.Cut(rest, "\n")
			written, _ := strconv.Atoi(line)
			sum.written += written
		}
	}
	return sum
}
