package usage

import (
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

// found is a step that a stranger's build took from the cache, made one that ran.
func found(digest, name string, inputs ...string) StrangersStep {
	return StrangersStep{Name: name, Digest: digest, Inputs: inputs, Loaded: true}
}

func made(digest, name string, inputs ...string) StrangersStep {
	return StrangersStep{Name: name, Digest: digest, Inputs: inputs, Ran: true}
}

// strange is a stranger's build at the time at which all that is old was used last.
func strange(all ...StrangersStep) Stranger {
	return Stranger{Ref: "s", From: noon.Add(58 * time.Second), To: noon.Add(63 * time.Second), Steps: append([]StrangersStep{}, all...)}
}

func TestStrangers(t *testing.T) {
	const (
		from    = "[x 1/3] FROM " + node18 + "@sha256:18"
		install = "[x 2/3] RUN install old"
		copied  = "[x 3/3] COPY old ."
	)
	at := func(change func(s *Stranger), all ...StrangersStep) []Stranger {
		s := strange(all...)
		change(&s)
		return []Stranger{s}
	}
	for _, tc := range []struct {
		name, record, class string
		strangers           []Stranger
	}{
		{"took it", "old copy", Unknown, []Stranger{strange(found("c", copied))}},
		{"took it in another stage, with other options, under another name", "old copy", Unknown, []Stranger{strange(found("c", "[web y 1/1] ADD --chown=1 ./old ./"))}},
		{"took something else", "old copy", Stale, []Stranger{strange(found("c", "[x 3/3] COPY other ."))}},
		{"did nothing", "old copy", Stale, []Stranger{strange()}},
		{"nobody knows what it did", "old copy", Unknown, at(func(s *Stranger) { s.Steps = nil })},
		{"made its own", "old copy", Stale, []Stranger{strange(made("c", copied))}},
		{"did not look at it", "old copy", Stale, []Stranger{strange(StrangersStep{Name: copied, Digest: "c"})}},
		{"was before it was made", "old copy", Stale, at(func(s *Stranger) { s.From, s.To = noon.Add(20*time.Second), noon.Add(25*time.Second) }, found("c", copied))},
		{"made it, perhaps", "old copy", Unknown, at(func(s *Stranger) { s.From = noon.Add(20 * time.Second) }, made("c", copied))},
		{"was after its last use", "old copy", Stale, at(func(s *Stranger) { s.From, s.To = hour(2), hour(2) }, found("c", copied))},
		{"before its last use", "old copy", Unknown, at(func(s *Stranger) { s.From, s.To = noon.Add(40*time.Second), noon.Add(41*time.Second) }, found("c", copied))},
		{"is under way", "old copy", Unknown, at(func(s *Stranger) { s.Steps, s.To = nil, time.Time{} })},
		{"took one that is built on the same", "old copy", Unknown, []Stranger{strange(made("f", from), made("r", install, "f"), found("c", copied, "r", "local"))}},
		{"took one that is built on something else", "old copy", Stale, []Stranger{strange(made("f", from), made("r", "[x 2/3] RUN else", "f"), found("c", copied, "r", "local"))}},
		{"took one that is built on what may be the same image by another name", "old copy", Unknown, []Stranger{strange(made("f", "[x 1/3] FROM a@sha256:1"), made("r", install, "f"), found("c", copied, "r"))}},
		{"took one that is built on no image", "old copy", Stale, []Stranger{strange(made("r", install, "local"), found("c", copied, "r"))}},
		{"took one below", "old run", Unknown, []Stranger{strange(made("f", from), found("r", install, "f"))}},
		{"took what is built on it", "old run", Unknown, []Stranger{strange(made("f", from), made("r", install, "f"), found("c", copied, "r"))}},
		{"ran a step with the mount", "old mount", Unknown, []Stranger{strange(made("r", "[x 2/3] RUN --mount=type=cache,id=old,target=/c x"))}},
		{"ran a step with a variable mount", "old mount", Unknown, []Stranger{strange(made("r", "[x 2/3] RUN --mount=type=cache,id=$ID,target=/c x"))}},
		{"took a step with the mount", "old mount", Stale, []Stranger{strange(found("r", "[x 2/3] RUN --mount=type=cache,id=old,target=/c x"))}},
		{"ran a step with another mount", "old mount", Stale, []Stranger{strange(made("r", "[x 2/3] RUN --mount=type=cache,id=other,target=/c x"))}},
		{"had the image", "old image", Unknown, []Stranger{strange(made("f", "[x 1/3] FROM a@sha256:18"))}},
		{"had another image", "old image", Stale, []Stranger{strange(made("f", "[x 1/3] FROM a@sha256:1"))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := shop()
			for i := range q.Projects[0].History.Builds { // as ledgers have them
				b := &q.Projects[0].History.Builds[i]
				for j := range b.Results[1:] {
					b.Results[j+1].Step.Inputs = []string{b.Results[j].Step.Digest}
				}
			}
			if len(tc.strangers[0].Steps) == 1 { // of the steps below nothing is told
				q.result(0, 2).Step.Inputs, q.result(0, 1).Step.Inputs = nil, nil
			}
			q.Strangers = tc.strangers
			got := New(q).item(tc.record)
			assert.Equal(t, got.Class, tc.class, got.Why)
			assert.Equal(t, got.Own, tc.class == Stale)
		})
	}
}

func TestWhoIsAStranger(t *testing.T) {
	in := func(ref string, from, to time.Duration) Stranger {
		return Stranger{Ref: ref, From: noon.Add(from), To: noon.Add(to)}
	}
	for _, tc := range []struct {
		name   string
		change func(b *ledger.BuildRecord)
		s      Stranger
		want   bool
	}{
		{"named", func(b *ledger.BuildRecord) { b.Refs = []string{"x", "a"} }, in("a", 0, time.Minute), false},
		{"named otherwise", func(b *ledger.BuildRecord) { b.Refs = []string{"x"} }, in("a", time.Second, time.Minute), true},
		{"on another builder", func(b *ledger.BuildRecord) { b.Refs, b.Builder.ID = []string{"a"}, "two" }, in("a", 0, time.Minute), true},
		{"nameless, at the same time", func(*ledger.BuildRecord) {}, in("a", time.Second, time.Minute), false},
		{"nameless, longer", func(*ledger.BuildRecord) {}, in("a", time.Second, 61*time.Second), true},
		{"nameless, earlier", func(*ledger.BuildRecord) {}, in("a", -time.Second, time.Minute), true},
		{"nameless, under way", func(*ledger.BuildRecord) {}, Stranger{Ref: "a", From: noon.Add(time.Second)}, true},
		{"one target failed", func(b *ledger.BuildRecord) { b.Refs, b.Targets[0].Error = []string{"x"}, "exit code 1" }, in("a", time.Second, time.Minute), false},
		{"it failed", func(b *ledger.BuildRecord) { b.Refs, b.Error = []string{"x"}, "exit code 1" }, in("a", time.Second, time.Minute), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := build(noon, "web", ran(copyStep("old .", "k2")))
			tc.change(&b)
			got := Strangers([]Project{project("shop", b)}, builderID, []Stranger{tc.s})
			assert.Equal(t, len(got) == 1, tc.want)
		})
	}
}

func TestConcerns(t *testing.T) {
	u := New(shop())
	assert.Assert(t, u.Concerns(strange()))
	assert.Assert(t, !u.Concerns(Stranger{From: hour(30), To: hour(31)}))
	assert.Assert(t, !u.Concerns(Stranger{From: hour(-3), To: hour(-2)}))
	u.Items = slices.DeleteFunc(u.Items, func(i Item) bool { return i.Own })
	assert.Assert(t, !u.Concerns(strange()))
}
