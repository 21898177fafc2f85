package buildx

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// jobMemory is what one build of a service may need, in bytes: a compiler or a package manager, rarely more.
const jobMemory = 1 << 30

// DefaultJobs returns how many targets to build at once on a machine with so many CPUs and bytes of memory; 0 bytes
// are unknown. A build waits for networks and disks about half of its time, so there are two for each CPU, but
// never more than memory allows: a machine that swaps, or kills, is slower than one that queues.
func DefaultJobs(cpus int, memory int64) int {
	jobs := 2 * max(cpus, 1)
	if memory > 0 {
		jobs = min(jobs, int(min(memory/jobMemory, math.MaxInt32)))
	}
	return max(jobs, 1)
}

// MachineJobs is DefaultJobs of this machine, or of the control group that limits this process.
func MachineJobs() int {
	return DefaultJobs(runtime.GOMAXPROCS(0), memoryOf("/"))
}

// memoryOf returns the least of the machine's memory and the limits of this process's control groups, in bytes, as
// the files below root say; 0 is unknown. Limits of parents count: they bound all groups below.
func memoryOf(root string) int64 {
	least := memTotal(read(root, "proc/meminfo"))
	for line := range strings.Lines(read(root, "proc/self/cgroup")) {
		// As in cgroups(7): hierarchy:controllers:path; version 2 has hierarchy 0 and no controllers.
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir, file := "", ""
		switch {
		case parts[0] == "0" && parts[1] == "":
			dir, file = "sys/fs/cgroup", "memory.max"
		case strings.Contains(","+parts[1]+",", ",memory,"):
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group := filepath.Join("/", parts[2]); ; group = filepath.Dir(group) {
			// "max" is no number and version 1's no limit is a huge one.
			limit, err := strconv.ParseInt(strings.TrimSpace(read(root, filepath.Join(dir, group, file))), 10, 64)
			if err == nil && limit > 0 && (least == 0 || limit < least) {
				least = limit
			}
			if group == "/" {
				break
			}
		}
	}
	return least
}

func memTotal(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

func read(root, name string) string {
	text, _ := os.ReadFile(filepath.Join(root, name))
	return string(text)
}
