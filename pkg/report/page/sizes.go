package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// sizes are bars of what the stages weigh, on one axis for all services.
func sizes(s *session.Session, room int) section {
	out := section{
		room: room,
		ID:   "sizes", Title: "What images weigh", Grid: true, Front: 8,
		Lead: "What a pull brings, stage by stage. All charts have the same axis.",
		Key:  []swatch{{"hown", "layers of the Dockerfile"}, {"hbase", "image that it begins with"}, {"limit", "budget"}},
	}
	type stage struct{ service, kind, stage string }
	order, images := pairs(s.Images, func(i *session.Image) (stage, string) {
		return stage{i.Service, i.Kind, i.Stage}, i.Version
	})
	if len(order) == 0 {
		out.Absent = "No sizes: no image was weighed."
		return out
	}
	x := scale{0, 0, 0.33, 0.80}
	for _, i := range s.Images {
		x.hi = max(x.hi, float64(i.Bytes))
	}
	for _, b := range s.Budgets {
		if b.What == session.Size && b.Limit < 3*x.hi { // a far bound would make all bars short
			x.hi = max(x.hi, b.Limit)
		}
	}
	type service struct{ name, kind string }
	var services []service
	of := map[service][]pair[session.Image]{}
	for _, k := range order {
		sv := service{k.service, k.kind}
		if of[sv] == nil {
			services = append(services, sv)
		}
		of[sv] = append(of[sv], images[k])
	}
	slices.SortStableFunc(services, func(a, b service) int {
		return cmp.Or(byService(a.name, b.name), byKind(a.kind, b.kind))
	})
	for _, sv := range services {
		var budgets []session.Budget
		for _, b := range s.Budgets {
			if b.What == session.Size && b.Service == sv.name && (b.Kind == "" || b.Kind == sv.kind) {
				budgets = append(budgets, b)
			}
		}
		if f := weights(s, serviceName(sv.name, sv.kind), of[sv], budgets, x); f.SVG != "" {
			out.add(f)
		}
	}
	out.close()
	if len(out.Figures) == 0 {
		out.Absent = "No sizes: every image that was weighed is empty."
	}
	return out
}

// sizesRows are the stages of one service that are drawn.
const sizesRows = 14

// heaviest are the images of services and the heaviest stages, in their order.
func heaviest(stages []pair[session.Image]) []pair[session.Image] {
	weight := func(p pair[session.Image]) int64 {
		if one := cmp.Or(p.head, p.base); !one.Final {
			return one.Bytes
		}
		return math.MaxInt64
	}
	if len(stages) <= sizesRows {
		return stages
	}
	sorted := slices.Clone(stages)
	slices.SortStableFunc(sorted, func(a, b pair[session.Image]) int { return -cmp.Compare(weight(a), weight(b)) })
	least := weight(sorted[sizesRows-1])
	var out []pair[session.Image]
	for _, p := range stages {
		if weight(p) >= least && len(out) < sizesRows {
			out = append(out, p)
		}
	}
	return out
}

func weights(s *session.Session, name string, stages []pair[session.Image], budgets []session.Budget, x scale) figure {
	const top = 24.0
	all := len(stages)
	stages = heaviest(stages)
	height := top
	for _, p := range stages {
		height += pitchOf(p)
	}
	var c canvas
	c.axis(x, ticks(0, x.hi, 3, false), roundSize, top-6, height)
	y := top
	words := ""
	for _, p := range stages {
		one := cmp.Or(p.head, p.base)
		class := ""
		if one.Final {
			class = "st"
		}
		c.row(class, 0.32, y, 18, cmp.Or(one.Stage, "image"))
		c.weight(s, x, y+3, p)
		for _, b := range budgets {
			if b.Stage == one.Stage || b.Stage == "" && one.Final {
				limit := fmt.Sprintf("budget %s: %s", bound(size(b.Limit)), b.State)
				c.tick("limit "+state(b.State), x.at(b.Limit), y, pitchOf(p)-4, limit)
				words += " " + limit + "."
			}
		}
		words += fmt.Sprintf(" %s: %s.", cmp.Or(one.Stage, "image"), size(float64(one.Bytes)))
		y += pitchOf(p)
	}
	fig := figure{Title: name, SVG: c.svg(height, "Sizes of the stages of "+name+"."+words)}
	if all > len(stages) {
		fig.More = fmt.Sprintf("%d lighter stages are not drawn.", all-len(stages))
	}
	return fig
}

func pitchOf(p pair[session.Image]) float64 {
	if p.head != nil && p.base != nil {
		return 30
	}
	return 22
}

// weight draws the two parts of an image, and those of the base under it.
func (c *canvas) weight(s *session.Session, x scale, y float64, p pair[session.Image]) {
	for _, v := range p.versions() {
		if v.of == nil {
			continue
		}
		version, class, height := "here", "h", 12.0
		if v.version == session.Base {
			version, class, height = baseName(s), "b", 7
		}
		all := float64(v.of.Bytes)
		split := min(float64(v.of.BaseBytes), all)
		title := func(part string, bytes float64) string {
			return fmt.Sprintf("%s, %s: %s %s of %s", version, cmp.Or(v.of.Stage, "image"), size(bytes), part, size(all))
		}
		if split > 0 {
			c.bar(class+"base", x.at(0), x.at(split), y, height, title("of the image that it begins with,", split))
		}
		if all > split {
			c.bar(class+"own", x.at(split), x.at(all), y, height, title("of its own layers,", all-split))
		}
		if all > 0 && (v.version == session.Head || p.head == nil) {
			c.label("v", x.at(all), y+10, 6, size(all))
		}
		y += height + 2
	}
}

// state is the class of a budget's mark.
func state(s string) string {
	switch s {
	case "over":
		return "bad"
	case "borderline":
		return "warn"
	}
	return ""
}

func imageTable(s *session.Session) []table {
	if len(s.Images) == 0 {
		return nil
	}
	t := table{Caption: "Sizes of stages", Head: []string{"Stage", "Version", "Pull", "Own", "Base image", "On disk", "Layers", "Platform"}, Numbers: 2, Words: 7}
	for _, x := range s.Images {
		name := serviceName(x.Service, x.Kind) + " / " + cmp.Or(x.Stage, "image")
		if x.Final {
			name += " ★"
		}
		t.Rows = append(t.Rows, []string{
			name, versionName(s, x.Version), size(float64(x.Bytes)), size(float64(x.OwnBytes)), size(float64(x.BaseBytes)),
			size(float64(x.Unpacked)), fmt.Sprint(x.Layers), cmp.Or(x.Platform, "–"),
		})
	}
	t.Caption += "; ★ is the image of the service"
	return []table{t}
}
