package session

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// host is a machine as its files tell of it, below a root that tests choose.
type host struct{ root string }

func describe(m *Machine) { host{"/"}.describe(m) }

func pressure() (psi, load float64, ok bool) { return host{"/"}.pressure() }

// read returns the text of a file without the space around it, empty where there is none.
func (h host) read(path string) string {
	text, err := os.ReadFile(filepath.Join(h.root, path))
	if err != nil {
		return ""
	}
	return string(bytes.Trim(text, " \n\x00"))
}

func (h host) exists(path string) bool {
	_, err := os.Lstat(filepath.Join(h.root, path))
	return err == nil
}

// describe finds in m.CPUs on how many the process may run.
func (h host) describe(m *Machine) {
	cpu := h.cpuinfo()
	m.CPUModel = cpuModel(cpu)
	if quota := h.quota(); quota > 0 {
		m.CPUs = max(1, min(m.CPUs, int(math.Ceil(quota))))
	}
	if memory := h.memory(); memory > 0 {
		m.MemoryGiB = max(1, int(math.Round(memory/(1<<30))))
	}
	m.Kernel = minor(h.read("proc/sys/kernel/osrelease"))
	m.Virt = h.virtualisation(strings.Contains(" "+cpu["flags"]+" ", " hypervisor "))
}

// cpuinfo returns the fields of the first CPU, and those of none.
func (h host) cpuinfo() map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(h.read("proc/cpuinfo")) {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); ok && fields[name] == "" {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

// cpuModel takes the name that x86 has, that POWER has, or the numbers of an Arm: the maker's and the part's.
func cpuModel(cpu map[string]string) string {
	family, model := cpu["cpu family"], cpu["model"]
	switch {
	case cpu["model name"] != "" && family != "":
		return cpuName(cpu["model name"], "family "+family+" model "+model)
	case cpu["CPU part"] != "":
		return strings.TrimSpace(cpuName(cpu["model name"], "") + " Arm " + cpu["CPU implementer"] + "/" + cpu["CPU part"])
	case cpu["model name"] != "":
		return cpuName(cpu["model name"], "")
	}
	return cpuName(cpu["cpu"], "")
}

// memory is what the kernel has, or the control group may take, in bytes.
func (h host) memory() float64 {
	total := 0.0
	for line := range strings.Lines(h.read("proc/meminfo")) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			total = kib * 1024
		}
	}
	for _, dir := range h.groups("memory") {
		for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
			// The word max, and the number that stands for no limit, are not below the total.
			if limit, err := strconv.ParseFloat(h.read(filepath.Join(dir, name)), 64); err == nil && limit > 0 && limit < total {
				total = limit
			}
		}
	}
	return total
}

// quota is how many CPUs the control group may use, 0 where there is no limit.
func (h host) quota() float64 {
	least := 0.0
	for _, dir := range h.groups("cpu") {
		used, period := h.read(filepath.Join(dir, "cpu.cfs_quota_us")), h.read(filepath.Join(dir, "cpu.cfs_period_us"))
		if both := strings.Fields(h.read(filepath.Join(dir, "cpu.max"))); len(both) == 2 {
			used, period = both[0], both[1]
		}
		q, err := strconv.ParseFloat(used, 64) // max or -1 is no limit
		p, perr := strconv.ParseFloat(period, 64)
		if err == nil && perr == nil && q > 0 && p > 0 && (least == 0 || q/p < least) {
			least = q / p
		}
	}
	return least
}

// groups returns the folders of the control group of this process and of those above it, in either version of the file system:
// each of them may have a limit. In a container the path may be that of the host, and then only the top is there.
func (h host) groups(controller string) []string {
	const mount = "sys/fs/cgroup"
	var dirs []string
	for line := range strings.Lines(h.read("proc/self/cgroup")) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 {
			continue
		}
		tops := []string{mount, filepath.Join(mount, "unified")}
		if f[1] != "" {
			if !slices.Contains(strings.Split(f[1], ","), controller) {
				continue
			}
			tops = []string{filepath.Join(mount, f[1]), filepath.Join(mount, controller)}
		}
		for _, top := range tops {
			for path := filepath.Clean("/" + f[2]); ; path = filepath.Dir(path) {
				dirs = append(dirs, filepath.Join(top, path))
				if path == "/" {
					break
				}
			}
		}
	}
	return dirs
}

// pressure reads "some avg10=1.70 avg60=…" and "1.20 1.73 …".
func (h host) pressure() (psi, load float64, ok bool) {
	if first, _, found := strings.Cut(h.read("proc/loadavg"), " "); found {
		load, _ = strconv.ParseFloat(first, 64)
	}
	for line := range strings.Lines(h.read("proc/pressure/cpu")) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "some" {
			continue
		}
		value, found := strings.CutPrefix(f[1], "avg10=")
		psi, err := strconv.ParseFloat(value, 64)
		return psi, load, found && err == nil
	}
	return 0, load, false
}
