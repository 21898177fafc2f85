package rig

import (
	"context"
	"runtime"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
)

// busyShare is the share of a machine's CPUs that others may use before a run counts as one on a busy machine.
const busyShare = 0.3

// coarse are seconds by which the time of a CPU may be wrong: it is counted in ticks, by several counters.
const coarse = 0.02

// meter measures what a build takes of the machine.
type meter struct {
	lab   *lab.Lab
	began time.Time
	// counted tells that the builder's CPU seconds are known, local that it runs on this machine.
	counted, local bool
	builder, own   float64
	machine        float64
	machineKnown   bool
}

type used struct {
	// cpu are seconds of the builder and of this process; 0 where the builder's are not known.
	cpu  float64
	busy bool
}

func startMeter(ctx context.Context, l *lab.Lab) *meter {
	m := &meter{lab: l, local: l.Kind() == lab.Embedded}
	m.builder, _, m.counted = l.CPU(ctx)
	m.machine, m.machineKnown = machineCPU()
	m.own, m.began = ownCPU(), time.Now()
	return m
}

func (m *meter) stop(ctx context.Context) used {
	wall := time.Since(m.began).Seconds()
	own := ownCPU() - m.own
	machine, known := machineCPU()
	builder, _, counted := m.lab.CPU(ctx)
	if !counted || !m.counted {
		return used{}
	}
	u := used{cpu: builder - m.builder + own}
	if known && m.machineKnown && m.local && wall > 0 {
		others := machine - m.machine - u.cpu
		u.busy = others > float64(runtime.NumCPU())*(wall*busyShare+coarse)
	}
	return u
}
