package session

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// machine makes a host of files.
func machine(t *testing.T, files map[string]string) host {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return host{root}
}

const (
	epyc    = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7763 64-Core Processor\nflags\t\t: fpu vme hypervisor lahf_lm\n\nprocessor\t: 1\nmodel name\t: Other\n"
	metal   = "processor : 0\ncpu family : 6\nmodel : 142\nmodel name : Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz\nflags : fpu nohypervisor\n"
	arm     = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n"
	meminfo = "MemTotal:       16367664 kB\nMemFree:        1 kB\n"
	vendor  = "sys/class/dmi/id/sys_vendor"
	product = "sys/class/dmi/id/product_name"
)

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  Machine
	}{
		{
			"nothing is told", nil,
			Machine{CPUs: 8, Virt: "none"},
		},
		{
			"a hosted runner",
			map[string]string{
				"proc/cpuinfo": epyc, "proc/meminfo": meminfo, "proc/sys/kernel/osrelease": "6.8.0-1017-azure\n",
				vendor: "Microsoft Corporation\n", product: "Virtual Machine\n", "proc/self/cgroup": "0::/system.slice/runner\n",
				"sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
			},
			Machine{CPUModel: "AMD EPYC 7763", CPUs: 8, MemoryGiB: 16, Kernel: "6.8", Virt: "hyper-v"},
		},
		{
			"a laptop",
			map[string]string{
				"proc/cpuinfo": metal, "proc/meminfo": "MemTotal: 8000000 kB", "proc/sys/kernel/osrelease": "6.18.2",
				vendor: "Google\n", product: "Eve\n",
			},
			Machine{CPUModel: "Intel Core i7-8550U", CPUs: 8, MemoryGiB: 8, Kernel: "6.18", Virt: "none"},
		},
		{
			"a container with limits, version 2",
			map[string]string{
				"proc/cpuinfo": epyc, "proc/meminfo": meminfo, "proc/sys/kernel/osrelease": "5.15.0", ".dockerenv": "",
				"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n", "sys/fs/cgroup/memory.max": "4294967296\n",
			},
			Machine{CPUModel: "AMD EPYC 7763", CPUs: 3, MemoryGiB: 4, Kernel: "5.15", Virt: "vm, container"},
		},
		{
			"the limit of a group above, version 2",
			map[string]string{
				"proc/cpuinfo": epyc, "proc/meminfo": meminfo, "proc/self/cgroup": "0::/a.slice/b/c\n",
				"sys/fs/cgroup/cpu.max": "max 100000", "sys/fs/cgroup/a.slice/cpu.max": "400000 100000",
				"sys/fs/cgroup/a.slice/b/cpu.max": "50000 100000", "sys/fs/cgroup/a.slice/b/c/cpu.max": "200000 100000", "sys/fs/cgroup/a.slice/b/memory.max": "max",
			},
			Machine{CPUModel: "AMD EPYC 7763", CPUs: 1, MemoryGiB: 16, Virt: "vm"},
		},
		{
			"version 1, in a container whose path is the host's",
			map[string]string{
				"proc/cpuinfo": epyc, "proc/meminfo": meminfo,
				"proc/self/cgroup":                            "4:memory:/docker/0a1b\n3:cpu,cpuacct:/docker/0a1b\n1:name=systemd:/docker/0a1b\n",
				"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":  "200000",
				"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
				"sys/fs/cgroup/memory/memory.limit_in_bytes":  "2147483648",
			},
			Machine{CPUModel: "AMD EPYC 7763", CPUs: 2, MemoryGiB: 2, Virt: "vm, container"},
		},
		{
			"version 1 without limits",
			map[string]string{
				"proc/cpuinfo": epyc, "proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/\n3:cpu:/\n0::/\n",
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
				"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
			},
			Machine{CPUModel: "AMD EPYC 7763", CPUs: 8, MemoryGiB: 16, Virt: "vm"},
		},
		{
			"more quota than CPUs",
			map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000"},
			Machine{CPUs: 8, Virt: "none"},
		},
		{
			"Arm",
			map[string]string{"proc/cpuinfo": arm, vendor: "Amazon EC2", product: "m6g.large"},
			Machine{CPUModel: "Arm 0x41/0xd0c", CPUs: 8, Virt: "amazon"},
		},
		{
			"POWER",
			map[string]string{"proc/cpuinfo": "processor : 0\ncpu : POWER9 (architected), altivec supported\n"},
			Machine{CPUModel: "POWER9 (architected), altivec supported", CPUs: 8, Virt: "none"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := Machine{CPUs: 8}
			machine(t, test.files).describe(&m)
			assert.DeepEqual(t, m, test.want)
		})
	}
}

func TestVirtualisation(t *testing.T) {
	for _, test := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"proc/cpuinfo": epyc, vendor: "QEMU", product: "Standard PC (Q35)"}, "kvm"},
		{map[string]string{"proc/cpuinfo": epyc, vendor: "Google", product: "Google Compute Engine"}, "google"},
		{map[string]string{"proc/cpuinfo": epyc, vendor: "innotek GmbH", product: "VirtualBox"}, "virtualbox"},
		{map[string]string{"proc/cpuinfo": epyc, vendor: "VMware, Inc."}, "vmware"},
		{map[string]string{"proc/cpuinfo": epyc, "sys/hypervisor/type": "xen\n"}, "xen"},
		{map[string]string{"proc/cpuinfo": metal, vendor: "Amazon EC2", product: "m5.metal"}, "none"},
		{map[string]string{"proc/cpuinfo": arm, vendor: "Amazon EC2", product: "m6g.metal"}, "none"},
		{map[string]string{"proc/cpuinfo": arm, "proc/device-tree/hypervisor": ""}, "vm"},
		{map[string]string{"proc/cpuinfo": arm}, "none"},
		{map[string]string{"proc/cpuinfo": epyc, "proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2"}, "wsl"},
		{map[string]string{"proc/cpuinfo": metal, "run/.containerenv": ""}, "none, container"},
		{map[string]string{"proc/cpuinfo": metal, "proc/self/cgroup": "0::/kubepods.slice/x\n"}, "none, container"},
	} {
		m := Machine{CPUs: 1}
		machine(t, test.files).describe(&m)
		assert.Check(t, m.Virt == test.want, "%v: %s", test.files, m.Virt)
	}
}

func TestPressure(t *testing.T) {
	for _, test := range []struct {
		pressure, loadavg string
		psi, load         float64
		ok                bool
	}{
		{"", "", 0, 0, false},
		{"some avg10=64.25 avg60=9.06 avg300=25.82 total=207\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=0\n", "1.20 1.73 1.04 4/106 2\n", 64.25, 1.2, true},
		{"full avg10=1.00 avg60=0.00\n", "0.5 1 1\n", 0, 0.5, false},
		{"some avg60=1.00\n", "", 0, 0, false},
		{"some avg10=x\n", "x y", 0, 0, false},
	} {
		files := map[string]string{}
		if test.pressure != "" {
			files["proc/pressure/cpu"] = test.pressure
		}
		if test.loadavg != "" {
			files["proc/loadavg"] = test.loadavg
		}
		psi, load, ok := machine(t, files).pressure()
		assert.Check(t, psi == test.psi && load == test.load && ok == test.ok, "%+v: %v %v %v", test, psi, load, ok)
	}
}
