package usage

import (
	"cmp"
	"slices"
)

// Row is what one stage of a service has of one kind and class. A record that several share is in the row of each.
type Row struct {
	// Service, Kind and Stage are empty for what is of none that is known.
	Service    string `json:"service,omitempty"`
	Kind       string `json:"buildKind,omitempty"`
	Stage      string `json:"stage,omitempty"`
	RecordKind string `json:"kind"`
	Class      string `json:"class"`
	// Bytes is without what the engine's images have anyway.
	Bytes   int64 `json:"bytes"`
	Records int   `json:"records"`
}

// Total is what there is of one class, each record once.
type Total struct {
	Class   string `json:"class"`
	Bytes   int64  `json:"bytes"`
	Records int    `json:"records"`
}

// Rows are sorted by service, kind, stage, kind of record and class.
func (u *Usage) Rows() []Row {
	rows := map[Row]*Row{}
	for i := range u.Items {
		item := &u.Items[i]
		places := map[Row]bool{}
		for _, r := range item.Refs {
			places[Row{Service: r.Service, Kind: r.Kind, Stage: r.Stage, RecordKind: item.Kind, Class: item.Class}] = true
		}
		if len(places) == 0 {
			places[Row{RecordKind: item.Kind, Class: item.Class}] = true
		}
		for place := range places {
			if rows[place] == nil {
				rows[place] = &Row{Service: place.Service, Kind: place.Kind, Stage: place.Stage, RecordKind: place.RecordKind, Class: place.Class}
			}
			rows[place].Bytes += item.frees()
			rows[place].Records++
		}
	}
	out := []Row{}
	for _, r := range rows {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Stage, b.Stage),
			cmp.Compare(a.RecordKind, b.RecordKind), cmp.Compare(a.Class, b.Class))
	})
	return out
}

// Totals are by class, what is of this project first.
func (u *Usage) Totals() []Total {
	out := []Total{{Class: Used}, {Class: Stale}, {Class: Shared}, {Class: Unknown}}
	for i := range u.Items {
		t := &out[slices.IndexFunc(out, func(t Total) bool { return t.Class == u.Items[i].Class })]
		t.Bytes, t.Records = t.Bytes+u.Items[i].frees(), t.Records+1
	}
	return out
}
