package embedded

import (
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestCheck(t *testing.T) {
	all := "runc rootlesskit newuidmap newgidmap"
	ids := map[string]string{"/etc/subuid": "jo:100000:65536\n", "/etc/subgid": "1000:100000:65536\n"}
	with := func(path, content string) map[string]string {
		files := map[string]string{path: content}
		for k, v := range ids {
			if k != path {
				files[k] = v
			}
		}
		return files
	}
	for _, tc := range []struct {
		name     string
		euid     int
		programs string
		files    map[string]string
		want     string // empty is nothing missing
	}{
		{name: "root", programs: "runc"},
		{name: "root with BuildKit's runc", programs: "buildkit-runc"},
		{name: "root without runc", want: "runc not found\nhint: apt-get install runc"},
		{
			name: "root of a container", programs: "runc",
			files: map[string]string{"/proc/self/status": "Name:\tx\nCapEff:\t00000000a80425fb\n"},
			want:  "root has no CAP_SYS_ADMIN\nhint: in a container: run it with --privileged",
		},
		{name: "mighty root", programs: "runc", files: map[string]string{"/proc/self/status": "CapEff:\t000001ffffffffff\n"}},
		{name: "user", euid: 1000, programs: all, files: ids},
		{
			name: "user without anything", euid: 1000,
			want: `runc, rootlesskit, newuidmap, newgidmap not found; user "jo" is not in /etc/subuid, /etc/subgid` +
				"\nhint: apt-get install runc rootlesskit uidmap" +
				"\nhint: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 jo",
		},
		{
			name: "no ids", euid: 1000, programs: all, files: with("/etc/subgid", "joe:1:1\n"),
			want: `user "jo" is not in /etc/subgid` +
				"\nhint: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 jo",
		},
		{name: "ids from elsewhere", euid: 1000, programs: all, files: map[string]string{"/etc/nsswitch.conf": "passwd: files\nsubid: sss\n"}},
		{
			name: "no namespaces", euid: 1000, programs: all, files: with("/proc/sys/user/max_user_namespaces", "0\n"),
			want: "user namespaces are off (user.max_user_namespaces=0)\nhint: sysctl -w user.max_user_namespaces=28633",
		},
		{
			name: "old Debian", euid: 1000, programs: all, files: with("/proc/sys/kernel/unprivileged_userns_clone", "0\n"),
			want: "user namespaces are off (kernel.unprivileged_userns_clone=0)\nhint: sysctl -w kernel.unprivileged_userns_clone=1",
		},
		{
			name: "no new privileges", euid: 1000, programs: all, files: with("/proc/self/status", "NoNewPrivs:\t1\n"),
			want: "no_new_privs keeps newuidmap from working\nhint: in a container: allow privilege escalation",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := machine{
				euid: tc.euid, name: "jo",
				lookPath: func(file string) (string, error) {
					for p := range strings.FieldsSeq(tc.programs) {
						if p == file {
							return "/bin/" + p, nil
						}
					}
					return "", errors.New("no")
				},
				readFile: func(path string) string { return tc.files[path] },
			}
			err := m.check()
			if tc.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.Error(t, err, "embedded BuildKit: "+tc.want)
		})
	}
}
