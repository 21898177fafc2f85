package retention

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

const (
	mb = int64(1e6)
	gb = int64(1e9)
)

// defaults are BuildKit's own rules for a disk of some size.
func defaults() []Rule {
	return []Rule{
		{Filters: []string{"type==source.local", "type==exec.cachemount", "type==source.git.checkout"}, KeepDuration: 2 * day, MaxUsedSpace: 512 * mb},
		{KeepDuration: 60 * day, ReservedSpace: 10 * gb, MaxUsedSpace: 60 * gb, MinFreeSpace: 20 * gb},
		{ReservedSpace: 10 * gb, MaxUsedSpace: 60 * gb, MinFreeSpace: 20 * gb},
		{All: true, ReservedSpace: 10 * gb, MaxUsedSpace: 60 * gb, MinFreeSpace: 20 * gb},
	}
}

func used(kind string, bytes int64, idle time.Duration) Record {
	return Record{Type: kind, Size: bytes, Idle: idle, Needed: true}
}

func TestAdvise(t *testing.T) {
	again := Evictions{Steps: 2, Seconds: 41.5, Last: time.Now(), Names: []string{"[deps 2/2] RUN npm ci"}}
	for name, c := range map[string]struct {
		rules   []Rule
		records []Record
		again   Evictions
		// want are the codes, and text is in one of them.
		want []string
		text string
	}{
		"nothing collects": {records: []Record{used(regular, 500*gb, 0)}, again: again},
		"BuildKit's own":   {rules: defaults(), records: []Record{used(regular, gb, 0), used(mount, gb, time.Hour)}},
		"too small": {
			rules: []Rule{{MaxUsedSpace: gb}}, records: []Record{used(regular, gb+1, 0)},
			want: []string{TooSmall}, text: "need 1GB, and garbage collection leaves 1GB",
		},
		"of others": {rules: []Rule{{MaxUsedSpace: gb}}, records: []Record{{Type: regular, Size: 2 * gb}, used(regular, gb, 0)}},
		"old builders call the limit another name": {
			rules: []Rule{{ReservedSpace: gb}}, records: []Record{used(regular, 2*gb, 0)},
			want: []string{TooSmall}, text: "leaves 1GB",
		},
		"the strictest holds": {
			rules: []Rule{{MaxUsedSpace: 3 * gb}, {MaxUsedSpace: gb, All: true}}, records: []Record{used(regular, 2*gb, 0)},
			want: []string{TooSmall}, text: "leaves 1GB",
		},
		"a limit for something else": {
			rules: []Rule{{Filters: []string{"type==frontend"}, MaxUsedSpace: 1}}, records: []Record{used(regular, gb, 0)},
		},
		"a limit for what is old": {rules: []Rule{{KeepDuration: time.Hour, MaxUsedSpace: 1}}, records: []Record{used(regular, gb, 0)}},
		"a floor above the limit": {
			rules: []Rule{{ReservedSpace: 10 * gb, MaxUsedSpace: gb}},
			want:  []string{Floor}, text: "maxUsedSpace (1GB) is less than reservedSpace (10GB), which is what garbage collection always leaves: the limit is 10GB",
		},
		"a floor and free space": {
			rules: []Rule{{ReservedSpace: 10 * gb, MinFreeSpace: 5 * gb}},
			want:  []string{Floor}, text: "no limit; without maxUsedSpace the cache grows until less than minFreeSpace (5GB) of the disk is free",
		},
		"a floor and an age": {
			rules: []Rule{{ReservedSpace: 10 * gb, KeepDuration: 7 * day}, {ReservedSpace: 10 * gb, KeepDuration: 30 * day}},
			want:  []string{Floor}, text: "nothing limits what was used within 7 days",
		},
		"a floor alone is a limit": {rules: []Rule{{ReservedSpace: 10 * gb, KeepDuration: 7 * day}, {ReservedSpace: 20 * gb}}},
		"mounts nobody used": {
			rules: defaults(), records: []Record{used(mount, 2*gb, 25*time.Hour), used(mount, gb, time.Hour), used(local, mb, 47*time.Hour)},
			want: []string{Idle}, text: "used for 48h go as soon as the whole cache has more than 512MB, and it has 3.001GB: of those that this project needs, 2 with 2.001GB",
		},
		"of a small cache":       {rules: defaults(), records: []Record{used(mount, 500*mb, 25*time.Hour)}},
		"old results of steps":   {rules: defaults(), records: []Record{used(regular, gb, 25*time.Hour)}},
		"mounts of others":       {rules: defaults(), records: []Record{{Type: mount, Size: gb, Idle: 25 * time.Hour}}},
		"two types at once":      {rules: []Rule{{Filters: []string{"type==exec.cachemount,type==source.local"}, KeepDuration: time.Hour}}, records: []Record{used(mount, gb, time.Hour)}},
		"by age alone":           {rules: []Rule{{Filters: []string{"type!=regular"}, KeepDuration: 90 * time.Minute}}, records: []Record{used(mount, 1, time.Hour)}, want: []string{Idle}, text: "used for 1h30m go at once"},
		"a filter nobody reads":  {rules: []Rule{{Filters: []string{"description~=x"}, MaxUsedSpace: 1}}, records: []Record{used(regular, gb, 0)}},
		"gone at the limit":      {rules: []Rule{{MaxUsedSpace: gb}}, records: []Record{used(regular, 900*mb, 0)}, again: again, want: []string{Evicted}, text: "2 steps ran again within a day, for 41.5 s"},
		"gone, and room enough":  {rules: defaults(), records: []Record{used(regular, gb, 0)}, again: again, want: []string{Evicted}}, // the disk may have been full
		"gone, but not by rules": {rules: []Rule{{MaxUsedSpace: gb}}, records: []Record{used(regular, mb, 0)}, again: again},
		"gone by age":            {rules: []Rule{{KeepDuration: time.Hour}}, again: again, want: []string{Evicted}},
		"gone by a long age":     {rules: []Rule{{KeepDuration: 2 * day}}, again: again},
	} {
		t.Run(name, func(t *testing.T) {
			got := Advise([]Node{{Rules: c.rules, Records: c.records}}, c.again)
			var codes, texts []string
			for _, a := range got {
				codes, texts = append(codes, a.Code), append(texts, a.Text)
			}
			assert.DeepEqual(t, codes, c.want)
			assert.Assert(t, strings.Contains(strings.Join(texts, "\n"), c.text), "%q", texts)
		})
	}
}

func TestAdviseNodes(t *testing.T) {
	got := Advise([]Node{
		{Name: "amd", Rules: []Rule{{MaxUsedSpace: gb}}, Records: []Record{used(regular, 2*gb, 0)}},
		{Name: "arm", Rules: []Rule{{MaxUsedSpace: 3 * gb}}, Records: []Record{used(regular, 2*gb, 0)}},
	}, Evictions{Steps: 1})
	assert.Equal(t, len(got), 2)
	assert.Equal(t, got[0].Node, "amd")
	assert.Assert(t, slices.ContainsFunc(got, func(a Advice) bool { return a.Code == Evicted && strings.HasPrefix(a.Text, "1 step ") }))
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		48 * time.Hour: "48h", 30 * time.Second: "30s", 10 * time.Minute: "10m", 90 * time.Minute: "1h30m", 7 * day: "7 days", time.Second + time.Minute: "1m1s",
	} {
		assert.Equal(t, age(d), want)
	}
}
