//go:build !unix

package edit

import "os/exec"

func alone(*exec.Cmd) {}
