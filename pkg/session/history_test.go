package session

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

func trend(t *testing.T, all []Trend, metric string) Trend {
	t.Helper()
	i := slices.IndexFunc(all, func(t Trend) bool { return t.Metric == metric })
	assert.Assert(t, i >= 0, "%+v", all)
	return all[i]
}

func TestTrends(t *testing.T) {
	seconds := []float64{20, 20.2, 19.9, 20.1, 90, 20, 25, 25.2, 24.9, 25.1, 25}
	all := nightlies(seconds...)
	all[4].Machine.CPUModel = "slow" // its 90 seconds count for nothing
	all[6].Images[0].Bytes = 150e6
	for _, s := range all[7:] {
		s.Images[0].Bytes = 150_900_000 // less than a percent more
	}
	all[8].Builder.BuildKit = "v1.0.0"
	rate := 0.4
	all[3].Cache = []Cache{{Case: all[3].Series[0].Case, Rate: 0.9, TimeRate: &rate}}
	shuffled := append(slices.Clone(all[5:]), all[:5]...)

	trends := Rules{Epochs: map[string]string{"api/source": all[6].VCS.Revision}}.Trends(shuffled, nil)
	assert.Equal(t, len(trends), 2)
	wall := trend(t, trends, Wall)
	assert.DeepEqual(t, wall.Case, all[0].Series[0].Case)
	assert.Equal(t, len(wall.Points), len(seconds))
	for i, p := range wall.Points {
		assert.Equal(t, p.ID, all[i].ID)
		assert.Equal(t, p.Revision, all[i].VCS.Revision)
		assert.Equal(t, p.Started, all[i].Started)
		assert.Equal(t, p.Median, seconds[i])
		assert.Assert(t, p.Lo < p.Median && p.Median < p.Hi && p.Noise > 0)
		assert.Equal(t, p.Bytes, all[i].Images[0].Bytes)
		assert.Equal(t, p.Comparable, i != 4)
		assert.Equal(t, p.Change != nil, i == 6, "change at %d", i)
		assert.Equal(t, p.Accepted, i == 6, "accepted at %d", i)
		assert.Equal(t, p.Rate != nil, i == 3)
		if i == 6 {
			assert.Assert(t, *p.Change > 0.24 && *p.Change < 0.26, *p.Change)
		}
	}
	assert.Equal(t, *wall.Points[3].Rate, 0.4)

	size := trend(t, trends, Size)
	assert.DeepEqual(t, size.Case, Case{Service: "api", Kind: "prod", Version: Head})
	for i, p := range size.Points {
		assert.Assert(t, p.Comparable) // sizes of other machines are
		assert.Equal(t, p.Change != nil, i == 6)
		assert.Equal(t, p.Median, float64(p.Bytes))
	}
	assert.Equal(t, *size.Points[6].Change, 0.5)
}

// The machine in question decides who is comparable.
func TestTrendsLike(t *testing.T) {
	all := nightlies(20, 21, 22)
	all[1].Machine.CPUs = 64
	points := trend(t, Rules{}.Trends(all, all[1]), Wall).Points
	assert.DeepEqual(t, []bool{points[0].Comparable, points[1].Comparable, points[2].Comparable}, []bool{false, true, false})

	all[0].Settings.Edits["api source"] = []string{"b.go"}
	points = trend(t, Rules{}.Trends(all, nil), Wall).Points
	assert.DeepEqual(t, []bool{points[0].Comparable, points[1].Comparable, points[2].Comparable}, []bool{false, false, true})
	assert.Equal(t, len(Rules{}.Trends(nil, nil)), 0)
}

// Far more sessions than are searched for changes: those that are found are at their places.
func TestTrendsLong(t *testing.T) {
	var seconds []float64
	for i := range changeWindow + 100 {
		v := 20 + float64(i%3)/10
		if i >= changeWindow+50 {
			v += 10
		}
		seconds = append(seconds, v)
	}
	var found []int
	for i, p := range trend(t, Rules{}.Trends(nightlies(seconds...), nil), Wall).Points {
		if p.Change != nil {
			found = append(found, i)
		}
	}
	assert.DeepEqual(t, found, []int{changeWindow + 50})
}
