package usage

import (
	"fmt"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

const builderID = "one"

// hour is so many hours after noon.
func hour(n float64) time.Time { return noon.Add(time.Duration(n * float64(time.Hour))) }

func runStep(text, key string, mounts ...steps.Mount) steps.Step {
	return steps.Step{
		Key: key, Digest: "sha256:" + key, Name: "[app 2/3] RUN " + text, Stage: "app", File: "Dockerfile", Line: 2, Dir: "/",
		Text: text, Source: "RUN " + text, Self: "run " + text, Inputs: []string{}, Mounts: mounts,
	}
}

func copyStep(text, key string) steps.Step {
	return steps.Step{
		Key: key, Digest: "sha256:" + key, Name: "[app 3/3] COPY " + text, Stage: "app", File: "Dockerfile", Line: 3,
		Text: "COPY " + text, Source: "COPY " + text, Self: "copy " + text, Inputs: []string{},
	}
}

func fromStep(ref, digest string) steps.Step {
	return steps.Step{
		Key: "from " + digest, Digest: "sha256:from " + digest, Name: "[app 1/3] FROM " + ref, Stage: "app", File: "Dockerfile", Line: 1,
		Text: "docker-image://" + ref + "@" + digest, Self: "from " + digest, Inputs: []string{}, Base: &steps.Base{Ref: ref, Digest: digest},
	}
}

// did is what a step did in a build; steps that ran did so for a second, one after the other.
type did struct {
	steps.Step
	status string
}

func ran(s steps.Step) did    { return did{s, ledger.Ran} }
func cached(s steps.Step) did { return did{s, ledger.Cached} }

// build is a build of a service that took a minute.
func build(at time.Time, service string, all ...did) ledger.BuildRecord {
	b := ledger.BuildRecord{Build: ledger.Build{
		ID: fmt.Sprint(service, at), Started: at, Seconds: 60, Kind: "dev", Builder: ledger.Builder{ID: builderID},
		Targets: []ledger.Target{{Service: service}},
	}}
	for i, d := range all {
		b.Results = append(b.Results, ledger.StepRecord{Result: ledger.Result{
			Service: service, Step: d.Step, Status: d.status, Started: at.Add(time.Duration(1+i) * 10 * time.Second), Seconds: 1,
		}})
	}
	return b
}

func project(name string, builds ...ledger.BuildRecord) Project {
	return Project{Name: name, Dir: "/" + name, History: &ledger.History{Builds: builds}}
}

func graphOf(service string, all ...steps.Step) *steps.Graph {
	return &steps.Graph{Service: service, Steps: all}
}

// madeBy is when the step at that place of a build made its record.
func madeBy(at time.Time, place int) time.Time {
	return at.Add(time.Duration(1+place)*10*time.Second + 500*time.Millisecond)
}

const layerSize = 100

// record is of a step, and was used last when its build ended.
func record(id, description string, at time.Time, place int, parents ...string) Record {
	return Record{
		ID: id, Type: "regular", Description: description, Size: layerSize, Created: madeBy(at, place), LastUsed: at.Add(time.Minute),
		Uses: 1, Parents: parents,
	}
}

const (
	node18 = "docker.io/library/node:18"
	node20 = "docker.io/library/node:20"
)

func mountStep(text, key, id string) steps.Step {
	return runStep(text, key, steps.Mount{ID: id, Target: "/root/.cache", Sharing: "shared"})
}

func mountRecord(id, mount, text string, at time.Time, place int) Record {
	r := record(id, fmt.Sprintf("cached mount /root/.cache from exec %s with id %q", text, mount), at, place)
	r.Type = "exec.cachemount"
	return r
}

func localRecord(id, name string, used time.Time) Record {
	return Record{ID: id, Type: "source.local", Description: "local source for " + name, Size: layerSize, Created: noon, LastUsed: used, Parents: []string{}}
}

// shop is a project that was built at noon and, after all steps changed, an hour later: what is called old is of the first build.
func shop() Question {
	first := []did{ran(fromStep(node18, "sha256:18")), ran(mountStep("install old", "k1", "//old")), ran(copyStep("old .", "k2"))}
	second := []did{ran(fromStep(node20, "sha256:20")), ran(mountStep("install new", "k3", "//new")), ran(copyStep("new .", "k4"))}
	here := project("shop", build(noon, "web", first...), build(hour(1), "web", second...))
	here.Here = true
	g := &steps.Graph{Service: "web"}
	touched := map[string][]Ref{}
	for i, d := range second {
		g.Steps = append(g.Steps, d.Step)
		touched[[]string{"new image", "new run", "new copy"}[i]] = []Ref{{Digest: d.Digest}}
	}
	touched["new local"] = []Ref{{Service: "web"}}
	return Question{
		Builder: builderID, Now: hour(24), Probed: true, Projects: []Project{here}, Targets: []Target{{Kind: "dev", Graph: g}}, Touched: touched,
		Locals: map[string]bool{"context-now": true, "context-then": false},
		Records: []Record{
			record("old image", "pulled from "+node18+"@sha256:18", noon, 0),
			record("old run", "mount / from exec install old", noon, 1, "old image"),
			record("old copy", "[app 3/3] COPY old .", noon, 2, "old run"),
			mountRecord("old mount", "//old", "install old", noon, 1),
			localRecord("old local", "context-then", noon),
			record("new image", "pulled from "+node20+"@sha256:20", hour(1), 0),
			record("new run", "mount / from exec install new", hour(1), 1, "new image"),
			record("new copy", "[app 3/3] COPY new .", hour(1), 2, "new run"),
			mountRecord("new mount", "//new", "install new", hour(1), 1),
			localRecord("new local", "context-now", hour(1).Add(time.Minute)),
			record("foreign", "mount / from exec something else", hour(2), 0),
		},
	}
}

func (q *Question) record(id string) *Record {
	for i := range q.Records {
		if q.Records[i].ID == id {
			return &q.Records[i]
		}
	}
	panic("no record " + id)
}

func (q *Question) result(build, place int) *ledger.StepRecord {
	return &q.Projects[0].History.Builds[build].Results[place]
}

func ids(items []Item) []string {
	out := []string{}
	for _, i := range items {
		out = append(out, i.ID)
	}
	return out
}

func (u *Usage) item(id string) Item { return u.Items[u.byID[id]] }
