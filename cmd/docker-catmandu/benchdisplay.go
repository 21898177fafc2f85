package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/bench"
)

// benchDisplay shows where a session is: one line that is drawn over on a terminal, or a line for each round.
type benchDisplay struct {
	w     io.Writer
	draws bool
	round int
	width int
}

func newBenchDisplay(w io.Writer, terminal bool) *benchDisplay {
	return &benchDisplay{w: w, draws: terminal, round: -1}
}

func (d *benchDisplay) show(p bench.Progress) {
	name := "warm-up"
	switch {
	case p.Confirming:
		name = fmt.Sprintf("round %d, confirming", p.Round)
	case p.Round > 0:
		name = fmt.Sprintf("round %d/%d", p.Round, p.Rounds)
	}
	if !d.draws {
		if p.Round != d.round {
			d.round = p.Round
			fmt.Fprintf(d.w, "[%s]%s\n", name, left(p))
		}
		return
	}
	line := fmt.Sprintf("[%s] %s  %s%s", name, p.Case.Name(), bar(p.Done, p.Runs), left(p))
	pad := max(0, d.width-len([]rune(line)))
	d.width = len([]rune(line))
	fmt.Fprintf(d.w, "\r%s%s", line, strings.Repeat(" ", pad))
}

// end leaves the line.
func (d *benchDisplay) end() {
	if d.draws && d.width > 0 {
		fmt.Fprintf(d.w, "\r%s\r", strings.Repeat(" ", d.width))
	}
}

const barWidth = 14

func bar(done, of int) string {
	share := 0.0
	if of > 0 {
		share = min(1, float64(done)/float64(of))
	}
	full := int(share * barWidth)
	return fmt.Sprintf("▕%s%s▏ %2.0f %%", strings.Repeat("█", full), strings.Repeat(" ", barWidth-full), share*100)
}

func left(p bench.Progress) string {
	if p.Left <= 0 {
		return ""
	}
	return ", " + shortDuration(p.Left) + " left"
}

// shortDuration is a time that is only known by and large.
func shortDuration(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%.0f s", max(1, d.Seconds()))
	case d < 90*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
