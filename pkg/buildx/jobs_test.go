package buildx

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func TestDefaultJobs(t *testing.T) {
	for _, tc := range []struct {
		cpus   int
		memory int64
		want   int
	}{
		{2, 16 << 30, 4},
		{16, 8 << 30, 8},
		{4, 512 << 20, 1},
		{4, 0, 8},
		{0, 0, 2},
		{64, 1 << 62, 128},
	} {
		assert.Equal(t, DefaultJobs(tc.cpus, tc.memory), tc.want, "%d CPUs, %d bytes", tc.cpus, tc.memory)
	}
}

func TestMemory(t *testing.T) {
	const meminfo = "MemFree: 1 kB\nMemTotal:       16777216 kB\n"
	for name, tc := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no files": {nil, 0},
		"machine":  {map[string]string{"proc/meminfo": meminfo}, 16 << 30},
		"v2": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "2147483648\n",
		}, 2 << 30},
		"v2 in a container": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1073741824\n",
		}, 1 << 30},
		"v1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu,memory:/docker/x\n1:name=systemd:/y\n",
			"sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          "3221225472\n",
		}, 3 << 30},
	} {
		root := t.TempDir()
		for file, text := range tc.files {
			assert.NilError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o755))
			assert.NilError(t, os.WriteFile(filepath.Join(root, file), []byte(text), 0o644))
		}
		assert.Equal(t, memoryOf(root), tc.want, name)
	}
}
