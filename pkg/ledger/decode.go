package ledger

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// decoder reads step lines three times as fast as encoding/json, for there are 20 000 in a full ledger and plan has to
// read them all. What is not as Append writes it, it leaves to encoding/json.
type decoder struct {
	strings map[string]string // most are on many lines
	rest    []byte
	failed  bool
}

func (d *decoder) step(line []byte) (stepLine, error) {
	var s stepLine
	if d.rest, d.failed = line, false; d.quick(&s) {
		return s, nil
	}
	s = stepLine{}
	return s, json.Unmarshal(line, &s)
}

func (d *decoder) quick(s *stepLine) bool {
	d.expect('{')
	for more := true; more && !d.failed; more = d.next(',') {
		name := d.raw()
		d.expect(':')
		switch string(name) {
		case "kind":
			s.Line = d.string()
		case "v":
			s.V = int(d.int())
		case "build":
			s.Build = d.string()
		case "definition":
			s.Definition = d.string()
		case "key":
			s.Key = d.string()
		case "unknown":
			s.Unknown = d.string()
		case "digest":
			s.Digest = d.string()
		case "inputs":
			s.Inputs = d.list()
		case "files":
			s.Files = d.string()
		case "service":
			s.Service = d.string()
		case "platform":
			s.Platform = d.string()
		case "status":
			s.Status = d.string()
		case "started":
			start := d.rest
			text := d.raw()
			d.failed = d.failed || s.Started.UnmarshalJSON(start[:len(text)+2]) != nil
		case "seconds":
			s.Seconds = d.float()
		case "unsure":
			s.Unsure = d.true()
		case "cpuSeconds":
			s.CPUSeconds = d.float()
		case "peakMemory":
			s.PeakMemory = d.int()
		case "ioBytes":
			s.IOBytes = d.int()
		default:
			return false
		}
	}
	d.expect('}')
	return !d.failed && len(d.rest) == 0
}

// next says whether c comes next, and takes it.
func (d *decoder) next(c byte) bool {
	if len(d.rest) == 0 || d.rest[0] != c {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

func (d *decoder) expect(c byte) {
	d.failed = !d.next(c) || d.failed
}

// raw takes a string that is written as it is.
func (d *decoder) raw() []byte {
	d.expect('"')
	n := max(0, bytes.IndexByte(d.rest, '"'))
	text := d.rest[:n]
	d.rest = d.rest[n:]
	d.expect('"')
	for _, c := range text {
		if c < ' ' || c > '~' || c == '\\' {
			d.failed = true
		}
	}
	return text
}

func (d *decoder) string() string {
	text := d.raw()
	if known, ok := d.strings[string(text)]; ok {
		return known
	}
	s := string(text)
	d.strings[s] = s
	return s
}

func (d *decoder) list() []string {
	list := []string{}
	d.expect('[')
	for more := !d.next(']'); more && !d.failed; more = !d.next(']') {
		if len(list) > 0 {
			d.expect(',')
		}
		list = append(list, d.string())
	}
	return list
}

func (d *decoder) true() bool {
	rest, ok := bytes.CutPrefix(d.rest, []byte("true"))
	d.rest, d.failed = rest, d.failed || !ok
	return ok
}

// number takes digits with at most one point, and no sign.
func (d *decoder) number(point bool) string {
	n := 0
	for n < len(d.rest) && (d.rest[n] >= '0' && d.rest[n] <= '9' || point && d.rest[n] == '.') {
		n++
	}
	text := d.rest[:n]
	d.rest = d.rest[n:]
	whole, fraction, pointed := bytes.Cut(text, []byte("."))
	if len(whole) == 0 || len(whole) > 1 && whole[0] == '0' || pointed && len(fraction) == 0 {
		d.failed = true
	}
	return string(text)
}

func (d *decoder) float() float64 {
	f, err := strconv.ParseFloat(d.number(true), 64)
	d.failed = d.failed || err != nil
	return f
}

func (d *decoder) int() int64 {
	i, err := strconv.ParseInt(d.number(false), 10, 64)
	d.failed = d.failed || err != nil
	return i
}
