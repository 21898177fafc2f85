package targets_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// judged is what a person decided about one service of a public project.
type judged struct {
	Repo           string   `json:"repo"`
	ID             string   `json:"id"`
	ProjectDir     string   `json:"project_dir"`
	Files          []string `json:"compose_files"`
	Service        string   `json:"service"`
	Dockerfile     string   `json:"dockerfile"`
	Declared       string   `json:"declared_target"`
	Stages         []string `json:"stages"`
	Dev            string   `json:"dev"`
	DevDockerfile  string   `json:"dev_dockerfile"`
	DevStages      []string `json:"dev_stages"`
	DevAlso        []also   `json:"dev_also_ok"`
	DevInferable   *bool    `json:"dev_inferable"`
	Prod           string   `json:"prod"`
	ProdDockerfile string   `json:"prod_dockerfile"`
	ProdStages     []string `json:"prod_stages"`
	ProdAlso       []also   `json:"prod_also_ok"`
	ProdInferable  *bool    `json:"prod_inferable"`
}

// also is another answer that is right.
type also struct {
	Dockerfile      string `json:"dockerfile"`
	Stage           string `json:"stage"`
	OnlyWithWarning bool   `json:"only_with_warning"`
}

// answers are those that count for a kind, and the stages of the Dockerfile that the first of them is in.
func (j judged) answers(k targets.Kind) (answers []also, stages []string, inferable bool) {
	stage, file, more, alsoOK, known := j.Prod, j.ProdDockerfile, j.ProdStages, j.ProdAlso, j.ProdInferable
	if k == targets.Dev {
		stage, file, more, alsoOK, known = j.Dev, j.DevDockerfile, j.DevStages, j.DevAlso, j.DevInferable
	}
	if file == "" {
		file = j.Dockerfile
	}
	if more == nil {
		more = j.Stages
	}
	answers = append([]also{{Dockerfile: file, Stage: stage}}, alsoOK...)
	return answers, more, (known == nil || *known) && stage != "@unknown"
}

// score counts the answers of one kind.
type score struct{ right, wrong, warned, left int }

func (s score) share() float64 { return float64(s.right) / float64(s.right+s.wrong) }

// TestCorpus compares the rule with public projects that were judged by hand. They may not be redistributed: set
// CATMANDU_CORPUS to a folder with expected.json to run it.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("CATMANDU_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	dir, err := filepath.Abs(dir)
	assert.NilError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Skipf("no corpus: %v (CATMANDU_CORPUS names its folder)", err)
	}
	var corpus struct {
		Entries []judged `json:"entries"`
	}
	assert.NilError(t, json.Unmarshal(text, &corpus))

	for _, kind := range []targets.Kind{targets.Dev, targets.Prod} {
		least := map[targets.Kind]float64{targets.Dev: 0.99, targets.Prod: 0.98}[kind]
		t.Run(string(kind), func(t *testing.T) {
			var s score
			for _, j := range corpus.Entries {
				s.add(t, dir, j, kind)
			}
			t.Logf("%s: %d right, %d wrong (%.1f %%), %d of all with a warning; %d cannot be inferred",
				kind, s.right, s.wrong, 100*s.share(), s.warned, s.left)
			assert.Assert(t, s.share() >= least)
		})
	}
}

func (s *score) add(t *testing.T, dir string, j judged, k targets.Kind) {
	t.Helper()
	answers, stages, inferable := j.answers(k)
	root := filepath.Join(dir, strings.ReplaceAll(j.Repo, "/", "+"))
	got, warning, err := j.plan(filepath.Join(root, j.ProjectDir), k)
	if err != nil {
		t.Logf("%s: %v", j.ID, err)
		s.wrong++
		return
	}
	if warning != "" {
		s.warned++
	}
	right := slices.ContainsFunc(answers, func(a also) bool {
		return (warning != "" || !a.OnlyWithWarning) && a.is(root, got, stages)
	})
	switch {
	case right && inferable:
		s.right++
		return
	case !right && inferable:
		s.wrong++
	default:
		s.left++
	}
	if right {
		return
	}
	file, _ := filepath.Rel(root, got.Dockerfile)
	t.Logf("miss %s: want %s %s, got %q of %s (%s), warning %q, inferable %v", j.ID, answers[0].Dockerfile, answers[0].Stage,
		got.Stage, file, got.Reason, warning, inferable)
}

// is tells whether a target is the answer; stages are those of the first answer's Dockerfile.
func (a also) is(root string, t targets.Target, stages []string) bool {
	switch {
	case a.Stage == "@none":
		return false
	case a.Dockerfile == "<inline>":
		return t.Dockerfile == ""
	case filepath.Join(root, a.Dockerfile) != t.Dockerfile:
		return false
	case a.Stage == "@only", a.Stage == "@last":
		return t.Stage == "" || len(stages) > 0 && t.Stage == stages[len(stages)-1]
	case t.Stage == "":
		return len(stages) > 0 && a.Stage == stages[len(stages)-1]
	}
	return strings.EqualFold(a.Stage, t.Stage)
}

// plan is the target of the judged service, and the warning that belongs to it.
func (j judged) plan(dir string, k targets.Kind) (targets.Target, string, error) {
	p, err := j.load(dir)
	if err != nil {
		return targets.Target{}, "", err
	}
	plan, err := targets.New(p, targets.Request{Target: string(k)})
	if err != nil {
		return targets.Target{}, "", err
	}
	i := slices.IndexFunc(plan.Targets, func(t targets.Target) bool { return t.Service == j.Service })
	if i < 0 {
		return targets.Target{}, "", fmt.Errorf("no target for service %q", j.Service)
	}
	for _, w := range plan.Warnings {
		if w.Service == j.Service && (strings.Contains(w.Message, "; building ") || strings.Contains(w.Message, "no service builds")) {
			return plan.Targets[i], w.Message, nil
		}
	}
	return plan.Targets[i], "", nil
}

// loaded keeps projects, which several entries share, by folder and files.
var loaded = map[string]*compose.Project{}

var required = regexp.MustCompile(`required variable (\w+) is missing`)

func (j judged) load(dir string) (*compose.Project, error) {
	key := fmt.Sprint(dir, j.isDefault(), j.Files)
	if p := loaded[key]; p != nil {
		return p, nil
	}
	o := compose.Options{Profiles: []string{"*"}, Variants: true, Environment: []string{}}
	if j.isDefault() {
		o.Dir = dir
	} else {
		for _, f := range j.Files {
			o.Files = append(o.Files, filepath.Join(dir, f))
		}
	}
	p, err := compose.Load(context.Background(), o)
	incomplete := err != nil && required.MatchString(err.Error())
	if incomplete {
		for _, m := range required.FindAllStringSubmatch(err.Error(), -1) {
			o.Environment = append(o.Environment, m[1]+"=1")
		}
		p, err = compose.Load(context.Background(), o)
	}
	if err != nil {
		return nil, err
	}
	for i := range p.Services {
		if incomplete && p.Services[i].Name == j.Service {
			p.Services[i].Build.Target = j.Declared // as the missing .env would make it
		}
	}
	// The reduced projects lack a file here and there, so that a service nobody judged may not be complete.
	p.Services = slices.DeleteFunc(p.Services, func(s compose.Service) bool { return s.Name != j.Service && broken(p.Dir, s) })
	if !incomplete {
		loaded[key] = p
	}
	return p, nil
}

// isDefault tells whether Docker Compose would find just these files.
func (j judged) isDefault() bool {
	for _, name := range []string{"compose", "docker-compose"} {
		for _, ext := range []string{".yaml", ".yml"} {
			if j.Files[0] == name+ext {
				return len(j.Files) == 1 && j.alone() || len(j.Files) == 2 && j.Files[1] == name+".override"+ext
			}
		}
	}
	return false
}

// alone tells an entry for the project's only file from one for that file without its override.
func (j judged) alone() bool { return !strings.Contains(j.ID, "|base-only|") }

func broken(dir string, s compose.Service) bool {
	_, err := targets.New(&compose.Project{Dir: dir, Services: []compose.Service{s}}, targets.Request{})
	return err != nil
}
