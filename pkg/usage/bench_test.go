package usage

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// large is a builder with 5 000 records of two projects, whose ledgers have many versions of three services. Where the builder's
// BuildKit is old, no description of a COPY tells one from another.
func large(unnamed bool) Question {
	const versions, services, length = 45, 3, 30
	q := Question{
		Builder: builderID, Now: hour(2 * versions), Probed: true, Touched: map[string][]Ref{}, Unprobed: map[string]string{},
		Locals: map[string]bool{},
	}
	here, other := project("shop"), project("other")
	here.Here = true
	for version := range versions {
		for service := range services {
			name := fmt.Sprint("service", service)
			at := hour(float64(version) + float64(service)/services)
			p, who := &here, "shop"
			if version%5 == 0 {
				p, who = &other, "other"
			}
			all, records := largeBuild(at, fmt.Sprint(who, version, name), length, unnamed)
			again := build(at.Add(time.Minute*5), name, all...)
			for i := range again.Results {
				again.Results[i].Status = ledger.Cached
			}
			p.History.Builds = append(p.History.Builds, build(at, name, all...), again)
			q.Records = append(q.Records, records...)
			if version < versions-1 {
				continue
			}
			g := &steps.Graph{Service: name}
			for i, d := range all {
				g.Steps = append(g.Steps, d.Step)
				q.Touched[records[i].ID] = []Ref{{Digest: d.Digest}}
			}
			q.Targets = append(q.Targets, Target{Kind: "dev", Graph: g})
		}
	}
	for len(q.Records) < 5000 {
		q.Records = append(q.Records, record(fmt.Sprint("foreign", len(q.Records)), "[1/2] COPY /foreign", hour(float64(len(q.Records)%versions)), 0))
	}
	q.Projects = []Project{here, other}
	return q
}

// largeBuild is a chain of steps with their records.
func largeBuild(at time.Time, id string, length int, unnamed bool) (all []did, records []Record) {
	for i := range length {
		var s steps.Step
		var r Record
		key := fmt.Sprint(id, " ", i)
		switch {
		case i == 0:
			s = fromStep(node18, "sha256:18")
			r = record(key, "pulled from "+node18+"@sha256:18", at, i)
		case i%4 == 0:
			s = runStep(fmt.Sprint("make part ", i), key)
			r = record(key, "mount / from exec "+s.Text, at, i, records[i-1].ID)
		default:
			s = copyStep(fmt.Sprint("--from=tools /part", i, " /"), key)
			r = record(key, s.Name, at, i, records[i-1].ID)
			if unnamed {
				r.Description = steps.UnnamedFile
			}
		}
		all, records = append(all, ran(s)), append(records, r)
	}
	return all, records
}

func BenchmarkNew(b *testing.B) {
	for name, unnamed := range map[string]bool{"named": false, "unnamed": true} {
		b.Run(name, func(b *testing.B) {
			q := large(unnamed)
			b.ReportAllocs()
			for b.Loop() {
				New(q)
			}
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	u := New(large(false))
	for b.Loop() {
		u.Plan(Selection{All: true})
	}
}

func BenchmarkRows(b *testing.B) {
	u := New(large(false))
	for b.Loop() {
		u.Rows()
	}
}
