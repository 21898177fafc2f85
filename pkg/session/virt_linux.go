package session

import "strings"

// hypervisors are by words of the maker's and the product's name in the firmware. The first that is found counts.
var hypervisors = []struct{ word, name string }{
	{"firecracker", "firecracker"},
	{"amazon ec2", "amazon"},
	{"google", "google"},
	{"vmware", "vmware"},
	{"virtualbox", "virtualbox"},
	{"innotek", "virtualbox"},
	{"microsoft corporation virtual machine", "hyper-v"},
	{"parallels", "parallels"},
	{"apple virtualization", "apple"},
	{"bochs", "bochs"},
	{"xen", "xen"},
	{"openstack", "kvm"},
	{"kvm", "kvm"},
	{"qemu", "kvm"},
}

// virtualisation names the hypervisor below, "vm" where it hides its name and "none" without one, and says when that is seen from
// within a container.
func (h host) virtualisation(flag bool) string {
	kind := h.hypervisor(flag)
	if h.container() {
		kind += ", container"
	}
	return kind
}

func (h host) hypervisor(flag bool) string {
	if strings.Contains(strings.ToLower(h.read("proc/sys/kernel/osrelease")), "microsoft") {
		return "wsl"
	}
	const dmi = "sys/class/dmi/id/"
	firmware := strings.ToLower(h.read(dmi+"sys_vendor") + " " + h.read(dmi+"product_name"))
	// Google makes laptops too, and bare metal of Amazon says so only in the product.
	if flag || h.silent() && !strings.HasSuffix(firmware, ".metal") {
		for _, v := range hypervisors {
			if strings.Contains(firmware, v.word) {
				return v.name
			}
		}
		if kind := h.read("sys/hypervisor/type"); kind != "" {
			return kind
		}
	}
	if flag || h.exists("proc/device-tree/hypervisor") {
		return "vm"
	}
	return "none"
}

// silent tells that the CPU has no flag for a hypervisor, as on Arm.
func (h host) silent() bool { return h.cpuinfo()["flags"] == "" }

// container knows Docker, Podman, and what names its control group after itself.
func (h host) container() bool {
	if h.exists(".dockerenv") || h.exists("run/.containerenv") {
		return true
	}
	for _, word := range []string{"/docker/", "/docker-", "/kubepods", "/lxc/", "/libpod-", "/garden/"} {
		if strings.Contains(h.read("proc/self/cgroup"), word) {
			return true
		}
	}
	return false
}
