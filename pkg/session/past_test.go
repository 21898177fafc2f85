package session

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestCompareHistory(t *testing.T) {
	steady := []float64{20, 20.4, 19.8, 20.1, 20.2, 19.9}
	for _, test := range []struct {
		name    string
		past    []float64
		head    float64
		kind    string
		verdict string
		why     string
		fails   bool
		trusted bool
	}{
		{"same", steady, 20.3, KindHistory, Same, "", false, false},
		{"beyond the limit, and too little", steady, 21.5, KindHistory, Same, "", false, false},
		{"slower", steady, 23, KindHistory, Slower, "", true, true},
		{"faster", steady, 17, KindHistory, Faster, "", false, false},
		{"noise", []float64{20, 30, 16, 28, 22, 18}, 27, KindHistory, CannotTell, "sessions vary by", false, false},
		{"five are enough", steady[:5], 23, KindHistory, Slower, "", true, true},
		{"four are a hint", steady[:4], 23, KindBaseline, Slower, "4 comparable sessions, needs 5: hint only", false, true},
		{"one is a hint", steady[:1], 23, KindBaseline, Slower, "one baseline: hint only", false, true},
		{"equal ones", []float64{20, 20, 20, 20, 20}, 20, KindHistory, Same, "", false, false},
		{"of nothing", []float64{0, 0, 0, 0, 0}, 3, KindHistory, CannotTell, "sessions vary by", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			past := nightlies(test.past...)
			head := nightly(len(past), test.head)
			c := Rules{}.History(head, append(past, head))
			assert.Equal(t, c.Kind, test.kind)
			assert.Equal(t, c.Times, Yes)
			assert.Equal(t, c.To.ID, past[len(past)-1].ID)
			r := one(t, c, Wall)
			assert.Equal(t, r.Verdict, test.verdict)
			assert.Assert(t, strings.HasPrefix(r.Why, test.why) && (r.Why == "") == (test.why == ""), r.Why)
			assert.Assert(t, r.Lo <= r.Ratio && r.Ratio <= r.Hi && !r.Confirmed && r.Gate)
			assert.Equal(t, r.Level > 0, test.kind == KindHistory)
			if test.verdict == Slower && test.kind == KindHistory {
				assert.Assert(t, r.Lo > 1)
			}
			assert.Equal(t, len(c.Regressions(false)) == 1, test.fails)
			assert.Equal(t, len(c.Regressions(true)) == 1, test.trusted)
			head.Compare = c
			written(t, head)
		})
	}
}

// Which sessions count as the past of one.
func TestBaselines(t *testing.T) {
	steady := []float64{20, 20.1, 20.2, 20, 20.1, 20.2}
	for _, test := range []struct {
		name   string
		change func(past []*Session)
		rules  Rules
		times  string
		to     int // of past
		result string
		why    string
	}{
		{"all", func([]*Session) {}, Rules{}, Yes, 5, Slower, ""},
		{"another machine", func(p []*Session) { p[5].Machine.CPUs, p[4].Machine.CPUModel = 2, "x" }, Rules{}, Yes, 3, Slower, "4 comparable sessions, needs 5: hint only"},
		{"dirty", func(p []*Session) { p[5].VCS.Dirty = true }, Rules{}, Yes, 4, Slower, ""},
		{"dirty, allowed", func(p []*Session) { p[5].VCS.Dirty = true }, Rules{Allow: []string{AllowDirty}}, Yes, 5, Slower, ""},
		{"flagged", func(p []*Session) {
			for _, s := range p {
				s.Builder.BuildKit = "v0.1.0"
			}
		}, Rules{}, Flagged, 5, Slower, ""},
		{"some flagged", func(p []*Session) {
			for _, s := range p[1:] {
				s.Builder.BuildKit = "v0.1.0"
			}
		}, Rules{}, Yes, 0, Slower, "one baseline: hint only"},
		{"some flagged, allowed", func(p []*Session) {
			for _, s := range p[1:] {
				s.Builder.BuildKit = "v0.1.0"
			}
		}, Rules{Allow: []string{AllowBuilder}}, Yes, 5, Slower, ""},
		{"other edits", func(p []*Session) {
			for _, s := range p[1:] {
				s.Settings.Edits["api source"] = []string{"b.go"}
			}
		}, Rules{}, Yes, 5, Slower, "one baseline: hint only"},
		{"accepted", func([]*Session) {}, Rules{Epochs: map[string]string{"api/source": "000000000000000000000000000000000abc004"}}, Yes, 5, Slower, "one baseline: hint only"},
		{"accepted, of others", func([]*Session) {}, Rules{Epochs: map[string]string{"total/source": "abc", "api/warm": "abc"}}, Yes, 5, Slower, ""},
		{"accepted, and not measured yet", func([]*Session) {}, Rules{Epochs: map[string]string{"api/source": "fff"}}, Yes, 5, New, "no session since fff was accepted"},
		{"accepted, by git", func([]*Session) {}, Rules{
			Epochs: map[string]string{"api/source": "fff"},
			Since:  func(epoch string, s *Session) bool { return epoch == "fff" && s.Started.After(noon.AddDate(0, 0, 3)) },
		}, Yes, 5, Slower, "2 comparable sessions, needs 5: hint only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			past := nightlies(steady...)
			if test.name == "accepted" {
				past[5].VCS.Revision = "000000000000000000000000000000000abc004f"
			}
			test.change(past)
			later := nightly(9, 1)
			c := test.rules.History(nightly(6, 30), append([]*Session{later}, past...))
			assert.Equal(t, c.Times, test.times)
			assert.Equal(t, c.To.ID, past[test.to].ID)
			r := one(t, c, Wall)
			assert.Equal(t, r.Verdict, test.result)
			assert.Equal(t, r.Why, test.why)
			assert.Equal(t, r.Gate, test.result == Slower && test.times == Yes)
		})
	}
}

func TestNoPast(t *testing.T) {
	head := nightly(3, 20)
	dirty := nightly(2, 20)
	dirty.VCS.Dirty = true
	for _, test := range []struct {
		past []*Session
		why  string
	}{
		{nil, "there is no earlier session"},
		{[]*Session{head, nightly(4, 20)}, "there is no earlier session"},
		{[]*Session{dirty}, "earlier sessions are of trees with changes that no commit has"},
	} {
		c := Rules{}.History(head, test.past)
		assert.DeepEqual(t, c.Why, []string{test.why})
		assert.Equal(t, c.Times+c.Sizes, No+No)
		assert.Equal(t, one(t, c, Wall).Verdict, New)
		assert.Equal(t, one(t, c, Size).Verdict, New)
	}
	// Sizes of another machine compare all the same.
	other := nightly(2, 20)
	other.Machine.CPUs = 64
	c := Rules{}.History(head, []*Session{other})
	assert.DeepEqual(t, c.Why, []string{"CPUs: 64 vs 4: times are not comparable"})
	assert.Equal(t, c.Times+c.Sizes, No+Yes)
	assert.Equal(t, one(t, c, Size).Verdict, Same)
	assert.Equal(t, c.To.ID, other.ID)
}

// A series of which too few sessions know is a hint among others that are more.
func TestHintsAmongMore(t *testing.T) {
	past := nightlies(20, 20, 20, 20, 20, 20)
	head := nightly(6, 30)
	young := Case{Service: "web", Kind: "prod", Scenario: "source", Version: Head}
	past[5].Series = append(past[5].Series, Summarise(young, Wall, []float64{10, 10, 10}, true))
	head.Series = append(head.Series, Summarise(young, Wall, []float64{20, 20, 20}, true))
	c := Rules{}.History(head, past)
	assert.Equal(t, len(c.Results), 3)
	assert.Assert(t, c.Results[0].Gate && c.Results[0].Verdict == Slower)
	assert.Assert(t, !c.Results[1].Gate && c.Results[1].Verdict == Slower && c.Results[1].Service == "web")
	assert.Equal(t, len(c.Regressions(true)), 1)
}

// Nights that differ by chance raise few alarms, and a true slowdown is found. One baseline with the same rule raises many.
func TestHistoryAlarms(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 8))
	night := func(day int, factor float64) *Session {
		return nightly(day, 60*factor*math.Exp(0.06*random.NormFloat64()))
	}
	const trials = 400
	var alarms, found, naive int
	for range trials {
		var past []*Session
		for day := range 10 {
			past = append(past, night(day, 1))
		}
		calm, slow := night(10, 1), night(10, 1.4)
		alarms += len(Rules{}.History(calm, past).Regressions(false))
		found += len(Rules{}.History(slow, past).Regressions(false))
		naive += len(Rules{}.Sessions(calm, past[9]).Regressions(true))
	}
	assert.Assert(t, alarms <= trials*5/100, "%d alarms in %d sessions", alarms, trials)
	assert.Assert(t, found >= trials*95/100, "%d of %d found", found, trials)
	assert.Assert(t, naive >= 2*alarms && naive >= trials*8/100, "%d alarms of one baseline", naive)
}
