package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Check tells what this machine lacks to run a BuildKit as the current user: one error that lists everything and
// says how to get it.
func Check() error {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return machine{euid: os.Geteuid(), name: name, lookPath: lookPath, readFile: readString}.check()
}

// machine is what Check looks at.
type machine struct {
	euid     int
	name     string // of the user
	lookPath func(file string) (string, error)
	readFile func(path string) string // empty when it cannot be read
}

// debianPackages holds the package of each program; others name them alike but for uidmap, often shadow-utils.
var debianPackages = map[string]string{
	"runc": "runc", "rootlesskit": "rootlesskit", "newuidmap": "uidmap", "newgidmap": "uidmap",
}

func (m machine) check() error {
	var lacks, hints []string
	programs := []string{"runc"}
	if m.euid != 0 {
		programs = []string{"runc", "rootlesskit", "newuidmap", "newgidmap"}
	}
	if missing, packages := m.missing(programs); len(missing) > 0 {
		lacks = append(lacks, strings.Join(missing, ", ")+" not found")
		hints = append(hints, "apt-get install "+strings.Join(packages, " "))
	}
	more := m.rootful
	if m.euid != 0 {
		more = m.rootless
	}
	l, h := more()
	lacks, hints = append(lacks, l...), append(hints, h...)
	if len(lacks) == 0 {
		return nil
	}
	return errors.New("embedded BuildKit: " + strings.Join(lacks, "; ") + "\nhint: " + strings.Join(hints, "\nhint: "))
}

func (m machine) missing(programs []string) (missing, packages []string) {
	for _, p := range programs {
		_, err := m.lookPath(p)
		if err != nil && p == "runc" {
			_, err = m.lookPath("buildkit-runc")
		}
		if err == nil {
			continue
		}
		missing = append(missing, p)
		if pkg := debianPackages[p]; !slices.Contains(packages, pkg) {
			packages = append(packages, pkg)
		}
	}
	return missing, packages
}

func (m machine) rootful() (lacks, hints []string) {
	const capSysAdmin = 21
	caps, err := strconv.ParseUint(m.status("CapEff"), 16, 64)
	if err == nil && caps&(1<<capSysAdmin) == 0 {
		lacks = append(lacks, "root has no CAP_SYS_ADMIN")
		hints = append(hints, "in a container: run it with --privileged")
	}
	return lacks, hints
}

func (m machine) rootless() (lacks, hints []string) {
	if m.status("NoNewPrivs") == "1" {
		lacks = append(lacks, "no_new_privs keeps newuidmap from working")
		hints = append(hints, "in a container: allow privilege escalation")
	}
	for key, bad := range map[string]string{"user/max_user_namespaces": "0", "kernel/unprivileged_userns_clone": "0"} {
		if strings.TrimSpace(m.readFile("/proc/sys/"+key)) == bad {
			name := strings.ReplaceAll(key, "/", ".")
			good := map[string]string{"user/max_user_namespaces": "28633", "kernel/unprivileged_userns_clone": "1"}[key]
			lacks = append(lacks, "user namespaces are off ("+name+"=0)")
			hints = append(hints, "sysctl -w "+name+"="+good)
		}
	}
	if files := m.withoutSubIDs(); len(files) > 0 {
		lacks = append(lacks, fmt.Sprintf("user %q is not in %s", m.name, strings.Join(files, ", ")))
		hints = append(hints, "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "+m.name)
	}
	return lacks, hints
}

// withoutSubIDs lists the files that grant the user no subordinate ids. With another source in nsswitch.conf
// (LDAP, SSSD) the files say nothing.
func (m machine) withoutSubIDs() []string {
	for line := range strings.Lines(m.readFile("/etc/nsswitch.conf")) {
		if source, ok := strings.CutPrefix(strings.TrimSpace(line), "subid:"); ok && strings.TrimSpace(source) != "files" {
			return nil
		}
	}
	var files []string
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		granted := false
		for line := range strings.Lines(m.readFile(file)) {
			who, _, _ := strings.Cut(line, ":")
			granted = granted || who == m.name || who == strconv.Itoa(m.euid)
		}
		if !granted {
			files = append(files, file)
		}
	}
	return files
}

// status is a field of /proc/self/status.
func (m machine) status(field string) string {
	for line := range strings.Lines(m.readFile("/proc/self/status")) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func readString(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// systemDirs are not in the PATH of ordinary users of Debian, which puts runc there.
var systemDirs = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

func lookPath(file string) (string, error) {
	path, err := exec.LookPath(file)
	for _, dir := range systemDirs {
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, file))
	}
	return path, err
}
