package forecast

import (
	"fmt"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// cause says why a step does not come from the cache.
func (f *forecaster) cause(s *steps.Step) *steps.Cause {
	if c, known := f.causes[s.Digest]; known {
		return c
	}
	f.causes[s.Digest] = nil // a graph has no circles, but this must end
	c := f.find(s)
	f.causes[s.Digest] = c
	return c
}

// find goes from what is said plainly to what is inferred.
func (f *forecaster) find(s *steps.Step) *steps.Cause {
	switch {
	case s.NoCache:
		return &steps.Cause{Kind: steps.CauseNoCache, Text: "the cache may not be used for it (no-cache)", Exact: true}
	case s.Unknown == steps.Always:
		return &steps.Cause{Kind: steps.CauseUnknown, Text: s.Unknown, Exact: true}
	}
	if s.Key == "" {
		if c := f.fromInputs(s); c != nil && c.RootKind == steps.CauseUnknown {
			return c
		}
		return &steps.Cause{Kind: steps.CauseUnknown, Text: s.Unknown, Exact: true}
	}
	if f.built(s) != nil && !f.fresh[s.Digest] {
		return &steps.Cause{Kind: steps.CauseGone, Text: "its result is no longer in the builder's cache", Exact: f.Records != nil}
	}
	if f.earlier.build == nil {
		return f.withoutKey(s, nil)
	}
	old := f.earlier.of(s)
	if old != nil {
		if c := f.compare(old, s); c != nil {
			return c
		}
	}
	if c := f.fromInputs(s); c != nil {
		return c
	}
	if c := f.fromChanged(s); c != nil {
		return c
	}
	return f.withoutKey(s, old)
}

// compare says what of a step itself changed since the last build.
func (f *forecaster) compare(old *ledger.StepRecord, s *steps.Step) *steps.Cause {
	if old.Step.Self == s.Self && old.Step.Files == s.Files {
		return nil
	}
	was, now := old.Step, *s
	if was.Files != now.Files && f.Files != nil {
		now.LoadTakes()
		was.Takes, _ = f.Files(*old) // without the list it says so
	}
	return steps.Compare(&was, &now)
}

// touched lists the files of a cached step of which only the times changed.
func (f *forecaster) touched(s *steps.Step) []string {
	old := f.built(s)
	if old == nil || s.Files == "" || f.Files == nil {
		return nil
	}
	now := *s
	now.LoadTakes()
	was, err := f.Files(*old)
	if err != nil {
		return nil
	}
	return steps.Touched(was, now.Takes)
}

// fromInputs is the cause of a step that is built on another which isn't cached.
func (f *forecaster) fromInputs(s *steps.Step) *steps.Cause {
	for _, in := range s.Inputs {
		input := f.byDigest[in]
		if input == nil || f.status[in] == Cached {
			continue
		}
		root := f.cause(input)
		if root == nil {
			continue
		}
		return after(input, root)
	}
	return nil
}

// after is the cause of a step that comes after another one.
func after(input *steps.Step, root *steps.Cause) *steps.Cause {
	c := *root
	if root.Kind != steps.CauseEarlier {
		c.Root, c.RootKind = input.Name, root.Kind
	}
	c.Kind = steps.CauseEarlier
	return &c
}

// fromChanged is the cause of a step that is built on one which is cached, but is another than in the last build: it was
// built for something else in between.
func (f *forecaster) fromChanged(s *steps.Step) *steps.Cause {
	for _, in := range s.Inputs {
		input := f.byDigest[in]
		if input == nil {
			continue
		}
		old := f.earlier.of(input)
		if old == nil || old.Step.Key == input.Key {
			continue
		}
		if c := f.compare(old, input); c != nil {
			return after(input, c)
		}
		if c := f.fromChanged(input); c != nil {
			return c
		}
	}
	return nil
}

// withoutKey is the cause of a step that was never built as it is now, though neither it nor what it is built on changed by
// itself.
func (f *forecaster) withoutKey(s *steps.Step, old *ledger.StepRecord) *steps.Cause {
	switch {
	case f.imported():
		text := "it was not built on this builder; whether the imported cache has it is seen in the build"
		if f.explains {
			text = "it was not built on this builder before, and the imported cache doesn't have it"
		}
		return &steps.Cause{Kind: steps.CauseImport, Text: text, Exact: f.explains}
	case f.earlier.build == nil:
		return &steps.Cause{Kind: steps.CauseNew, Text: "it was not built before", Exact: true}
	case old == nil && f.earlier.otherStage(f.graph):
		return &steps.Cause{Kind: steps.CauseNew, Text: "this stage was not built before", Exact: true}
	case old == nil:
		return &steps.Cause{Kind: steps.CauseInstruction, Text: "it is new in the Dockerfile", New: text(s), Exact: true}
	case f.earlier.build.Builder.ID != f.Builder && f.Builder != "":
		return &steps.Cause{
			Kind: steps.CauseGone, Text: fmt.Sprintf("it was built on builder %q, not on this one", f.earlier.build.Builder.Name), Exact: true,
		}
	case old.Status == ledger.Failed || old.Status == ledger.Canceled:
		return &steps.Cause{Kind: steps.CauseNew, Text: "it did not come to its end in the last build", Exact: true}
	case old.Unsure:
		return &steps.Cause{Kind: steps.CauseNew, Text: "its files changed while it was built", Exact: true}
	}
	if gone := f.earlier.removedBefore(s); gone != nil {
		return &steps.Cause{
			Kind: steps.CauseInstruction, Text: fmt.Sprintf("%q before it was removed", text(&gone.Step)), Old: text(&gone.Step), Exact: true,
		}
	}
	return &steps.Cause{Kind: steps.CauseInstruction, Text: "it comes after other steps than before", Exact: true}
}
