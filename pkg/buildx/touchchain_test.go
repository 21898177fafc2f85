package buildx

import (
	"testing"

	"github.com/moby/buildkit/client"
	"gotest.tools/v3/assert"
)

// chain is a probe of a stage that two others are built on, after two versions of all; of the first steps no use was noted.
func chain() (p *probe, deps, tools, dev, prod *node) {
	deps = fileNode("[deps 1/2] COPY list /")
	tools = fileNode("[deps 2/2] WORKDIR /tools", deps)
	dev, prod = fileNode("[dev 1/1] COPY . /", tools), fileNode("[prod 1/1] COPY src /", tools)
	p = &probe{graph: &probeGraph{nodes: []*node{deps, tools, dev, prod}}, doors: &doors{}, looks: newLooks()}
	old, now := &client.UsageInfo{UsageCount: 1}, &client.UsageInfo{UsageCount: 2}
	p.before, p.after = map[string]*client.UsageInfo{}, map[string]*client.UsageInfo{}
	for _, r := range []struct {
		id, description string
		after           *client.UsageInfo
		parents         []string
	}{
		{"deps1", deps.name, old, nil},
		{"tools1", tools.name, old, []string{"deps1"}},
		{"dev1", dev.name, old, []string{"tools1"}},
		{"deps2", deps.name, old, nil},
		{"tools2", tools.name, old, []string{"deps2"}},
		{"dev2", dev.name, now, []string{"tools2"}},
		{"prod2", prod.name, now, []string{"tools2"}},
	} {
		for records, like := range map[*map[string]*client.UsageInfo]*client.UsageInfo{&p.before: old, &p.after: r.after} {
			info := *like
			info.ID, info.Description, info.Parents = r.id, r.description, r.parents
			(*records)[r.id] = &info
			p.looks.add(&info)
		}
	}
	for _, n := range p.graph.nodes {
		n.state = isHit
	}
	return p, deps, tools, dev, prod
}

func TestNarrow(t *testing.T) {
	p, deps, tools, dev, prod := chain()
	assert.Equal(t, p.attribute(), true)
	assert.DeepEqual(t, [][]string{deps.records, tools.records, dev.records, prod.records}, [][]string{{"deps2"}, {"tools2"}, {"dev2"}, {"prod2"}})

	// What nothing that was used is layered on may be any.
	p, deps, tools, dev, prod = chain()
	dev.state, prod.state = isMissing, isMissing
	assert.Equal(t, p.attribute(), false)
	assert.DeepEqual(t, [][]string{deps.records, tools.records}, [][]string{{"deps1", "deps2"}, {"tools1", "tools2"}})

	// Results of which there are several may be in several records.
	p, deps, tools, _, _ = chain()
	tools.outputs = []int64{0, 1}
	assert.Equal(t, p.attribute(), false)
	assert.DeepEqual(t, [][]string{deps.records, tools.records}, [][]string{{"deps1", "deps2"}, {"tools1", "tools2"}})

	// A record of that description that was used, and is layered on something else, is of another step.
	p, deps, tools, _, _ = chain()
	other := *p.after["tools1"]
	other.ID, other.Parents = "other", []string{"other base"}
	p.after["other"] = &other
	p.looks.add(&other)
	assert.Equal(t, p.attribute(), true)
	assert.DeepEqual(t, [][]string{deps.records, tools.records}, [][]string{{"deps2"}, {"tools2"}})
}
