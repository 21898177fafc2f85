package session

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestSizes(t *testing.T) {
	image := func(service, stage, platform string, bytes int64, final bool) Image {
		return Image{Service: service, Kind: "prod", Stage: stage, Platform: platform, Bytes: bytes, Final: final}
	}
	for _, test := range []struct {
		name       string
		head, base []Image
		want       []Result
	}{
		{"nothing", nil, nil, []Result{}},
		{
			"bigger",
			[]Image{image("api", "runtime", "", 214e6, true)},
			[]Image{image("api", "runtime", "", 107e6, true)},
			[]Result{{Service: "api", Kind: "prod", Stage: "runtime", Metric: Size, Base: 107e6, Head: 214e6, Ratio: 2, Lo: 2, Hi: 2, Verdict: Slower, Gate: true, Confirmed: true}},
		},
		{
			"smaller",
			[]Image{image("api", "runtime", "", 50e6, true)},
			[]Image{image("api", "runtime", "", 100e6, true)},
			[]Result{{Service: "api", Kind: "prod", Stage: "runtime", Metric: Size, Base: 100e6, Head: 50e6, Ratio: 0.5, Lo: 0.5, Hi: 0.5, Verdict: Faster, Gate: true}},
		},
		{
			"a megabyte of little, a percent of much",
			[]Image{image("api", "runtime", "", 1_500_000, true), image("web", "runtime", "", 1_005_000_000, true)},
			[]Image{image("api", "runtime", "", 750_000, true), image("web", "runtime", "", 1_000_000_000, true)},
			[]Result{
				{Service: "api", Kind: "prod", Stage: "runtime", Metric: Size, Base: 750_000, Head: 1_500_000, Ratio: 2, Lo: 2, Hi: 2, Verdict: Same, Gate: true},
				{Service: "web", Kind: "prod", Stage: "runtime", Metric: Size, Base: 1e9, Head: 1.005e9, Ratio: 1.005, Lo: 1.005, Hi: 1.005, Verdict: Same, Gate: true},
			},
		},
		{
			"stages explain",
			[]Image{image("api", "build", "", 400e6, false)},
			[]Image{image("api", "build", "", 200e6, false)},
			[]Result{{Service: "api", Kind: "prod", Stage: "build", Metric: Size, Base: 200e6, Head: 400e6, Ratio: 2, Lo: 2, Hi: 2, Verdict: Slower}},
		},
		{
			"new and gone, by platform",
			[]Image{image("api", "runtime", "linux/arm64", 5e6, true)},
			[]Image{image("api", "runtime", "linux/amd64", 4e6, true)},
			[]Result{
				{Service: "api", Kind: "prod", Stage: "runtime", Platform: "linux/arm64", Metric: Size, Head: 5e6, Verdict: New},
				{Service: "api", Kind: "prod", Stage: "runtime", Platform: "linux/amd64", Metric: Size, Base: 4e6, Verdict: Gone},
			},
		},
		{
			"of nothing",
			[]Image{image("api", "runtime", "", 5e6, true)},
			[]Image{image("api", "runtime", "", 0, true)},
			[]Result{{Service: "api", Kind: "prod", Stage: "runtime", Metric: Size, Head: 5e6, Verdict: Slower, Gate: true, Confirmed: true}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.DeepEqual(t, DefaultEffects.Sizes(test.head, test.base), test.want)
		})
	}
}

// Two versions in one session are told apart by the caller.
func TestImagesOf(t *testing.T) {
	s := &Session{Images: []Image{{Service: "a", Version: Head}, {Service: "a", Version: Base}, {Service: "b", Version: Head}}}
	assert.Equal(t, len(s.ImagesOf(Head)), 2)
	assert.Equal(t, len(s.ImagesOf(Base)), 1)
}

// One revision with two sizes is not reproducible, which is no regression.
func TestNotReproducible(t *testing.T) {
	for _, test := range []struct {
		change  func(head, base *Session)
		verdict string
	}{
		{func(h, b *Session) { h.VCS.Revision = b.VCS.Revision }, CannotTell},
		{func(h, b *Session) { h.VCS.Revision, h.VCS.Dirty = b.VCS.Revision, true }, Slower},
		{func(h, b *Session) { h.VCS, b.VCS = nil, nil }, Slower},
		{func(_, _ *Session) {}, Slower},
	} {
		head, base := nightly(1, 20), nightly(0, 20)
		head.Images[0].Bytes *= 2
		test.change(head, base)
		c := Rules{}.Sessions(head, base)
		r := one(t, c, Size)
		assert.Equal(t, r.Verdict, test.verdict)
		assert.Equal(t, r.Gate, test.verdict == Slower)
		assert.Equal(t, len(c.Regressions(false)), map[bool]int{true: 1}[r.Gate])
		if test.verdict == CannotTell {
			assert.Equal(t, r.Why, "not reproducible: 0000000 has it in two sizes")
		}
	}
}

// The past of an image is in the last session that has it.
func TestSizesOfThePast(t *testing.T) {
	past := nightlies(20, 20, 20)
	past[2].Images[0].Service = "web"
	past[1].Images[0].Bytes = 40e6
	head := nightly(3, 20)
	c := Rules{}.History(head, past)
	var sizes []Result
	for _, r := range c.Results {
		if r.Metric == Size {
			sizes = append(sizes, r)
		}
	}
	assert.Equal(t, len(sizes), 1) // nobody asked for web
	assert.Equal(t, sizes[0].Base, 40e6)
	assert.Equal(t, sizes[0].Verdict, Slower)
	assert.Equal(t, len(c.Regressions(false)), 1)
}

// A session that weighed no images says nothing of what became of them.
func TestSizesNotWeighed(t *testing.T) {
	head, base := nightly(1, 20), nightly(0, 20)
	head.Images = nil
	for _, c := range []*Compare{Rules{}.Sessions(head, base), Rules{}.History(head, []*Session{base})} {
		for _, r := range c.Results {
			assert.Assert(t, r.Metric != Size, "%v", r)
		}
	}
}
