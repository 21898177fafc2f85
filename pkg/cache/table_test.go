package cache

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// shop is a project with a group (web, worker), a service of a Dockerfile of its own (api), and one of that Dockerfile too (docs).
func shop(kind targets.Kind) *targets.Plan {
	target := func(service, dockerfile, stage string) targets.Target {
		return targets.Target{
			Service: service, Stage: stage, Image: "example.com/" + service, Context: "/shop", Dockerfile: "/shop/" + dockerfile,
			Tags: []string{"example.com/" + service}, CacheFrom: []string{}, CacheTo: []string{},
			Build: compose.Build{Context: "/shop", Dockerfile: dockerfile},
		}
	}
	stage := map[targets.Kind]string{targets.Prod: "production", targets.Dev: "development"}[kind]
	return &targets.Plan{Project: "shop", Dir: "/shop", Kind: kind, Targets: []targets.Target{
		target("api", "api.Dockerfile", stage),
		target("docs", "api.Dockerfile", "docs"),
		target("web", "web.Dockerfile", stage),
		target("worker", "web.Dockerfile", stage),
	}}
}

// variants are what the command line adds for siblings.
func variants() []Variant {
	var out []Variant
	for _, k := range []targets.Kind{targets.Prod, targets.Dev} {
		out = append(out, Variant{targets.Request{Target: string(k)}, shop(k)})
	}
	return out
}

// drivers have letters, which the table lists.
var drivers = []struct {
	letter, name string
	Builder
}{
	{"D", "docker driver", Builder{Driver: "docker"}},
	{"S", "docker driver, containerd image store", Builder{Driver: "docker", Exports: true, Version: "v0.26.0"}},
	{"C", "docker-container driver", Builder{Driver: "docker-container", Exports: true, Version: "v0.34.2"}},
	{"K", "kubernetes driver", Builder{Driver: "kubernetes", Exports: true, Version: "v0.34.2"}},
	{"R", "remote driver", Builder{Driver: "remote", Exports: true, Version: "v0.34.2"}},
	{"O", "remote driver, BuildKit v0.12", Builder{Driver: "remote", Exports: true, Version: "v0.12.5"}},
	{"P", "remote driver, with results from before the job", Builder{Driver: "remote", Exports: true, Version: "v0.34.2", Keeps: true}},
}

var situations = []struct {
	name string
	ci   CI
	git  Git
}{
	{"laptop, main", CI{}, Git{true, "main", "main"}},
	{"laptop, feature", CI{}, Git{true, "feature", "main"}},
	{"laptop, detached HEAD", CI{}, Git{true, "", "main"}},
	{"laptop, no repository", CI{}, Git{}},
	{"GitHub, push to main", CI{Name: GitHub, Branch: "main", Default: "main", Service: true}, Git{Repository: true}},
	{"GitHub, push to feature", CI{Name: GitHub, Branch: "feature", Default: "main", Service: true}, Git{Repository: true}},
	{"GitHub, pull request", CI{Name: GitHub, Branch: "feature", Base: "v2", Default: "main", PullRequest: true, Service: true}, Git{Repository: true}},
	{"GitHub, pull request of a fork", CI{Name: GitHub, Branch: "main", Base: "main", Default: "main", PullRequest: true, Fork: true, Service: true}, Git{Repository: true}},
	{"GitHub, tag", CI{Name: GitHub, Once: "a tag", Default: "main", Service: true}, Git{Repository: true}},
	{"GitHub, merge queue", CI{Name: GitHub, Once: "the branch of a merge queue", Base: "main", Default: "main", Service: true}, Git{Repository: true}},
	{"GitHub, service not reachable", CI{Name: GitHub, Branch: "feature", Default: "main", NoService: "no token"}, Git{Repository: true}},
	{"GitLab, push to main", CI{Name: GitLab, Branch: "main", Default: "main", Host: "reg.example.com", Repository: "reg.example.com/shop/cache", LoggedIn: true}, Git{Repository: true}},
	{"GitLab, merge request", CI{Name: GitLab, Branch: "feature", Base: "main", Default: "main", PullRequest: true, Host: "reg.example.com", Repository: "reg.example.com/shop/cache"}, Git{Repository: true}},
	{"GitLab, merge request of a fork", CI{Name: GitLab, Branch: "feature", Base: "main", Default: "main", PullRequest: true, Fork: true, Host: "reg.example.com", Repository: "reg.example.com/shop/cache", LoggedIn: true}, Git{Repository: true}},
	{"other CI, feature", CI{Name: Other, Branch: "feature"}, Git{true, "", "main"}},
	{"other CI, detached HEAD", CI{Name: Other}, Git{true, "", "main"}},
}

// choices are what is asked for, by the flag or (with "file: ") by the Compose file.
var choices = []string{
	"auto", "off", "registry=example.com/cache", "local=/cache", "gha", "s3=bucket,region=eu-1", "azblob=https://acc.example.com", "inline",
	"file: registry=example.com/cache", "file: gha",
}

// names are the choices in the table.
var names = map[string]string{
	"auto": "auto", "off": "off", "registry=example.com/cache": "--cache registry", "local=/cache": "--cache local", "gha": "--cache gha",
	"s3=bucket,region=eu-1": "--cache s3", "azblob=https://acc.example.com": "--cache azblob", "inline": "--cache inline",
	"file: registry=example.com/cache": "file registry", "file: gha": "file gha",
}

// TestTable is the table of all situations: what web at prod imports, and whether it exports.
func TestTable(t *testing.T) {
	var b strings.Builder
	all := ""
	for _, d := range drivers {
		fmt.Fprintf(&b, "%s  %s\n", d.letter, d.name)
		all += d.letter
	}
	b.WriteString("!  with a note before the build\n")
	for _, situation := range situations {
		fmt.Fprintf(&b, "\n%s\n", situation.name)
		for _, choice := range choices {
			var rows []string // in the order of the drivers that first have them
			by := map[string]string{}
			for _, driver := range drivers {
				in := Surroundings{
					Builder: driver.Builder, CI: situation.ci, Git: situation.git, Request: targets.Request{Target: "prod"}, Project: variants(), Pushes: true,
				}
				in.Builder.Name, in.Builder.Platform, in.Builder.Nodes = "b", "linux/amd64", 1
				parsed, err := ParseChoice(strings.TrimPrefix(choice, "file: "), "/")
				assert.NilError(t, err)
				if strings.HasPrefix(choice, "file: ") {
					in.Config = Config{Use: parsed, At: "compose.yaml:1"}
				} else {
					in.Flag = parsed
				}
				text := row(New(shop(targets.Prod), in))
				if !slices.Contains(rows, text) {
					rows = append(rows, text)
				}
				by[text] += driver.letter
			}
			for _, text := range rows {
				on := by[text]
				if on == all {
					on = "all"
				}
				fmt.Fprintf(&b, "  %-16s %-7s %s\n", names[choice], on, text)
			}
		}
	}
	golden.Assert(t, b.String(), "table.golden")
}

// row is what becomes of web at prod.
func row(s *Settings) string {
	web := s.Builds[slices.IndexFunc(s.Builds, func(b Build) bool { return b.Services[0] == "web" })]
	if s.Backend == None {
		return "none: " + s.Reason
	}
	var parts []string
	for _, e := range web.Imports {
		parts = append(parts, "< "+short(e.Spec))
	}
	for _, e := range web.Exports {
		parts = append(parts, "> "+short(e.Spec)+" ("+e.Reason+")")
	}
	if web.NotExported != "" {
		parts = append(parts, "not exported: "+web.NotExported)
	}
	out := string(s.Backend) + " " + strings.Join(parts, "  ")
	if len(s.Notes) > 0 {
		out += " !"
	}
	return out
}

// short leaves out what is the same in all entries of a backend.
func short(entry string) string {
	parsed, _ := parse(entry)
	for key, value := range map[string]string{
		"ignore-error": "true", "mode": "max", "bucket": "bucket", "region": "eu-1", "account_url": "https://acc.example.com", "reset": "true",
	} {
		if parsed.attrs[key] == value {
			delete(parsed.attrs, key)
		}
	}
	fields := strings.Split(parsed.String(), ",")
	fields[0] = strings.TrimPrefix(fields[0], "type=")
	if len(fields) > 1 {
		_, name, _ := strings.Cut(fields[1], "=")
		fields = append([]string{name[strings.LastIndexAny(name, ":/")+1:]}, fields[2:]...)
	}
	return strings.NewReplacer("cache.shop.web.", "", "linux-amd64.", "", ".linux-amd64", "").Replace(strings.Join(fields, ","))
}
