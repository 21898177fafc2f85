//go:build !linux

package rig

// ownCPU is not counted: the builder runs elsewhere, and so do its CPU seconds.
func ownCPU() float64 { return 0 }

func machineCPU() (float64, bool) { return 0, false }
