//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
)

// composeCase is a project of which `docker compose build --print` and `plan --format bake` are compared.
type composeCase struct {
	name string
	// dir is where both are called.
	dir string
	// flags are those of docker compose and docker catmandu, options those of build and plan.
	flags, options []string
	env            []string
	// differs has the paths at which the two are meant to differ, each with the reason.
	differs map[string]string
	// refuses matches our error where only docker compose is meant to load a project.
	refuses string
	// only matches the error of docker compose where it is meant to be just us who load a project.
	only string
	// corpus projects need not be such that Compose can load them.
	corpus bool
	// dockerConfig is the docker CLI's config.json.
	dockerConfig string
}

// TestComposePrint holds us to it that without --target exactly what docker compose would build is built, for the
// projects of testdata/print and, if there is one, of a corpus. The archives' comments have the flags, and say
// what is meant to differ and why; all else must be equal but the label with Compose's version.
func TestComposePrint(t *testing.T) {
	cases := append(printCases(t), corpusCases(t)...)
	equal, different, onlyUs := 0, 0, 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			env := composeEnv(t, c)
			theirs, err := printed(env, c, "compose", "build", "--print")
			if err != nil {
				ours, ourErr := printed(env, c, "catmandu", "plan", "--format", "bake")
				if ourErr == nil {
					onlyUs++
				}
				if c.only != "" && ourErr == nil && regexp.MustCompile(c.only).MatchString(err.Error()) {
					return
				}
				t.Logf("docker compose: %v\nus: %d targets, %v", err, len(ours["target"]), ourErr)
				if !c.corpus {
					t.Error("nothing to compare")
				}
				return
			}
			ours, err := printed(env, c, "catmandu", "plan", "--format", "bake")
			if c.refuses != "" && err != nil && regexp.MustCompile(c.refuses).MatchString(err.Error()) {
				return
			}
			if err != nil {
				different++
				t.Fatalf("docker compose loads it, we do not: %v", err)
			}
			if len(theirs["target"]) == 0 && len(ours["target"]) == 0 {
				equal++
				return
			}
			if c.refuses != "" {
				t.Error("refused no more")
			}
			found := differences("", anyMap(theirs), anyMap(ours))
			for path := range c.differs {
				if _, ok := found[path]; !ok {
					t.Errorf("%s does not differ any more", path)
				}
				delete(found, path)
			}
			for _, path := range slices.Sorted(maps.Keys(found)) {
				t.Errorf("%s: %s", path, found[path])
			}
			if t.Failed() {
				different++
			} else {
				equal++
			}
		})
	}
	t.Logf("%d equal, %d different, %d that only we load", equal, different, onlyUs)
}

// printCases unpacks testdata/print.
func printCases(t *testing.T) []composeCase {
	files, err := filepath.Glob("testdata/print/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no archives", err)
	}
	var cases []composeCase
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		check(t, err)
		c := composeCase{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), differs: map[string]string{}}
		root := filepath.Join(os.Getenv("E2E_DIR"), "print", c.name)
		check(t, os.MkdirAll(root, 0o755))
		check(t, txtar.Write(archive, root))
		c.dir, c.env = root, []string{"ROOT=" + root}
		for line := range strings.Lines(string(archive.Comment)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			value = strings.TrimSpace(value)
			switch {
			case key == "flags":
				c.flags = strings.Fields(value)
			case key == "options":
				c.options = strings.Fields(value)
			case key == "env":
				c.env = append(c.env, strings.Fields(value)...)
			case key == "dir":
				c.dir = filepath.Join(root, value)
			case key == "docker-config":
				c.dockerConfig = value
			case key == "link":
				old, name, _ := strings.Cut(value, " ")
				check(t, os.Symlink(old, filepath.Join(root, name)))
			case key == "only we":
				c.only = value
			case key == "refuses":
				c.refuses = value
			case key == "differs":
				path, why, _ := strings.Cut(value, " ")
				c.differs[path] = why
			case line != "" && !strings.HasPrefix(line, "#"):
				t.Fatalf("%s: %q", file, line)
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// corpusCases are the folders of CATMANDU_CORPUS that have a Compose file of a usual name.
func corpusCases(t *testing.T) []composeCase {
	corpus := os.Getenv("CATMANDU_CORPUS")
	if corpus == "" {
		corpus = "../../shared/corpus"
	}
	if _, err := os.Stat(corpus); err != nil {
		t.Log("no corpus:", err)
		return nil
	}
	var cases []composeCase
	check(t, filepath.WalkDir(corpus, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"} {
			if _, err := os.Stat(filepath.Join(path, name)); err == nil {
				dir, err := filepath.Abs(path)
				rel, _ := filepath.Rel(corpus, path)
				cases = append(cases, composeCase{name: "corpus/" + rel, dir: dir, corpus: true})
				return err
			}
		}
		return nil
	}))
	return cases
}

// composeEnv is the environment of a script, with the engine that Compose asks for.
func composeEnv(t *testing.T, c composeCase) []string {
	env := &testscript.Env{Values: map[any]any{}, WorkDir: mkdir(filepath.Join(os.Getenv("E2E_DIR"), "c", strings.ReplaceAll(c.name, "/", "+")))}
	check(t, setup(env))
	env.Setenv("DOCKER_HOST", os.Getenv("ENGINE_HOST"))
	if c.dockerConfig != "" {
		check(t, os.WriteFile(filepath.Join(env.Getenv("DOCKER_CONFIG"), "config.json"), []byte(c.dockerConfig), 0o600))
	}
	return append(env.Vars, c.env...)
}

// printed runs a plugin and reads the bake file that it prints.
func printed(env []string, c composeCase, plugin string, command ...string) (map[string]map[string]any, error) {
	args := slices.Concat([]string{plugin}, c.flags, command, c.options)
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "tools/docker"), args...)
	cmd.Dir, cmd.Env = c.dir, env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(errs.Bytes()))
	}
	var file map[string]map[string]any
	if err := json.Unmarshal(out.Bytes(), &file); err != nil {
		if bytes.Contains(errs.Bytes(), []byte("No services to build")) {
			return nil, nil
		}
		return nil, fmt.Errorf("%w: %s%s", err, out.Bytes(), errs.Bytes())
	}
	for _, group := range file["group"] {
		sortList(group, "targets")
	}
	for _, target := range file["target"] {
		sortList(target, "ulimits") // in Compose they come from maps
		sortList(target, "ssh")
		if labels, ok := target.(map[string]any)["labels"].(map[string]any); ok {
			delete(labels, "com.docker.compose.version")
		}
	}
	return file, nil
}

func sortList(object any, key string) {
	if list, ok := object.(map[string]any)[key].([]any); ok {
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
}

// differences maps the paths at which two JSON values differ to what is there.
func differences(path string, theirs, ours any) map[string]string {
	a, isMap := theirs.(map[string]any)
	b, isToo := ours.(map[string]any)
	if !isMap || !isToo {
		if reflect.DeepEqual(theirs, ours) {
			return nil
		}
		return map[string]string{path: fmt.Sprintf("docker compose %s, we %s", asJSON(theirs), asJSON(ours))}
	}
	found := map[string]string{}
	keys := slices.Collect(maps.Keys(a))
	for key := range b {
		if _, ok := a[key]; !ok {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		maps.Copy(found, differences(strings.TrimPrefix(path+"/"+key, "/"), a[key], b[key]))
	}
	return found
}

func anyMap(m map[string]map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
