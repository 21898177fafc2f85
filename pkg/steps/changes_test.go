package steps

import (
	"io/fs"
	"testing"

	"gotest.tools/v3/assert"
)

func TestCompareFiles(t *testing.T) {
	link := uint32(fs.ModeSymlink | 0o777)
	for _, tc := range []struct {
		name     string
		old, now []File
		want     []string
	}{
		{name: "nothing", old: []File{{Path: "a", Digest: "1"}}, now: []File{{Path: "a", Digest: "1", Time: 5}}},
		{
			name: "lines", old: []File{{Path: "a", Digest: "1", Content: "1", Mode: 0o644, Lines: lineSums([]byte("x\ny\n"))}},
			now:  []File{{Path: "a", Digest: "2", Content: "2", Mode: 0o644, Lines: lineSums([]byte("x\nz\nw\n"))}},
			want: []string{"a changed: +2 −1 lines"},
		},
		{
			name: "mode", old: []File{{Path: "a", Digest: "1", Content: "1", Mode: 0o644}},
			now:  []File{{Path: "a", Digest: "2", Content: "1", Mode: uint32(fs.ModeSetuid | 0o755)}},
			want: []string{"mode of a changed: 0644 → 4755"},
		},
		{
			name: "renamed", old: []File{{Path: "a", Digest: "1", Content: "1"}}, now: []File{{Path: "b", Digest: "1", Content: "1"}},
			want: []string{"a was renamed to b"},
		},
		{
			name: "added and removed", old: []File{{Path: "a", Digest: "1", Content: "1"}}, now: []File{{Path: "b", Digest: "2", Content: "2"}},
			want: []string{"a was removed", "b was added"},
		},
		{
			name: "type", old: []File{{Path: "a", Digest: "1", Mode: 0o644}}, now: []File{{Path: "a", Digest: "2", Mode: link, Link: "b"}},
			want: []string{"a changed: file → symbolic link"},
		},
		{
			name: "link", old: []File{{Path: "a", Digest: "1", Mode: link, Link: "b"}}, now: []File{{Path: "a", Digest: "2", Mode: link, Link: "c"}},
			want: []string{"a changed: b → c"},
		},
		{
			name: "attributes", old: []File{{Path: "a", Digest: "1", Content: "1"}}, now: []File{{Path: "a", Digest: "2", Content: "1"}},
			want: []string{"attributes of a changed"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, c := range CompareFiles(tc.old, tc.now) {
				got = append(got, c.String())
			}
			assert.DeepEqual(t, got, tc.want)
		})
	}
}

func TestTouched(t *testing.T) {
	old := []File{{Path: "a", Digest: "1", Time: 1}, {Path: "b", Digest: "1", Time: 1}, {Path: "c", Digest: "1", Time: 1}}
	now := []File{{Path: "a", Digest: "1", Time: 2}, {Path: "b", Digest: "2", Time: 2}, {Path: "c", Digest: "1", Time: 1}}
	assert.DeepEqual(t, Touched(old, now), []string{"a"})
}

func TestRedact(t *testing.T) {
	for _, tc := range []struct {
		name, value string
		secret      bool
	}{
		{"VERSION", "1", false},
		{"NPM_TOKEN", "abc", true},
		{"DB_PASSWORD", "abc", true},
		{"API_KEY", "abc", true},
		{"KEYBOARD", "abc", false},
		{"URL", "https://me:pw@example.com", true},
		{"TOKEN", "", false},
	} {
		got := Redact(tc.name, tc.value)
		assert.Equal(t, got != tc.value, tc.secret, tc.name)
	}
}

func TestCompareSelf(t *testing.T) {
	long := "RUN if [ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' = b ]; then echo cccccccccccccccccccccc; fi; echo "
	for _, tc := range []struct {
		name     string
		old, now Step
		kind     string
		text     string
	}{
		{
			name: "text", old: Step{Name: "[a 1/2] RUN b", Self: "1"}, now: Step{Name: "[a 1/3] RUN c", Self: "2"},
			kind: CauseInstruction, text: `its text changed: "RUN b" → "RUN c"`,
		},
		{
			name: "far behind in a long text", old: Step{Name: "[a 1/2] " + long + "1", Self: "1"}, now: Step{Name: "[a 1/2] " + long + "2", Self: "2"},
			kind: CauseInstruction, text: `its text changed: "…ccccccccc; fi; echo 1" → "…ccccccccc; fi; echo 2"`,
		},
		{
			name: "argument", old: Step{Name: "RUN b", Self: "1", Source: "RUN b", Env: map[string]string{"V": "1"}, Args: []string{"V"}},
			now:  Step{Name: "RUN b", Self: "2", Source: "RUN b", Env: map[string]string{"V": "2"}, Args: []string{"V"}},
			kind: CauseArg, text: `argument V changed: "1" → "2"`,
		},
		{
			name: "variable in a path", old: Step{Name: "COPY a 1", Self: "1", Source: "COPY a $V"}, now: Step{Name: "COPY a 2", Self: "2", Source: "COPY a $V"},
			kind: CauseEnv, text: `variable V changed: "COPY a 1" → "COPY a 2"`,
		},
		{
			name: "image", old: Step{Self: "1", Base: &Base{"a", "sha256:1"}}, now: Step{Self: "2", Base: &Base{"a", "sha256:2"}},
			kind: CauseBase, text: "a moved: 1 → 2",
		},
		{name: "user", old: Step{Self: "1", User: "a"}, now: Step{Self: "2", User: "b"}, kind: CauseInstruction, text: `USER changed: "a" → "b"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Compare(&tc.old, &tc.now)
			assert.Equal(t, c.Kind, tc.kind)
			assert.Equal(t, c.Text, tc.text)
			assert.Assert(t, Compare(&tc.old, &tc.old) == nil)
		})
	}
}
