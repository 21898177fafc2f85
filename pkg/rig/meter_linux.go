package rig

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ownCPU is what this process has used, in seconds.
func ownCPU() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return seconds(u.Utime) + seconds(u.Stime)
}

func seconds(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// ticks is USER_HZ, in which the kernel tells times: 100 on every architecture that Go supports (proc(5)).
const ticks = 100

// machineCPU is what all processes of the machine have used, in seconds.
func machineCPU() (float64, bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(first)
	const idle, iowait, guest = 4, 5, 9
	total := 0.0
	for i, f := range fields {
		if i == 0 || i == idle || i == iowait || i >= guest { // a guest's time is in that of its host
			continue
		}
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0, false
		}
		total += n / ticks
	}
	return total, len(fields) > idle
}
