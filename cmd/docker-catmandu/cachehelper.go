package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"debug/elf"
	"embed"
	"fmt"
	"io"
	"os"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/porter"
)

// helperCommand is the hidden first argument with which the plugin runs beside a cache mount, in a container that has nothing but it.
const helperCommand = "__porter"

// help is the plugin in that container.
func help() error { return porter.Help(context.Background(), os.Stdin, os.Stdout) }

// porters has the helpers of a release, for all platforms that builders run on.
//
//go:embed porters
var porters embed.FS

// helperFor is the program that runs in a builder: one that this program has in it, or else this program itself if it is one for the
// builder's machine.
func helperFor(live *buildx.Live) (buildx.Program, error) {
	system, arch := cmp.Or(live.OS, "linux"), cmp.Or(live.Arch, "amd64")
	packed, err := porters.ReadFile("porters/" + system + "-" + arch + ".gz")
	if err != nil {
		return selfAsHelper(system, arch)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return buildx.Program{}, err
	}
	text, err := io.ReadAll(r)
	return buildx.Program{Text: text}, err
}

func selfAsHelper(system, arch string) (buildx.Program, error) {
	path, err := os.Executable()
	if err == nil {
		err = checkHelper(path, system, arch)
	}
	return buildx.Program{Path: path, Args: []string{helperCommand}}, err
}

// machines are Go's words for what programs are for.
var machines = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_ARM: "arm", elf.EM_386: "386", elf.EM_RISCV: "riscv64", elf.EM_S390: "s390x",
	elf.EM_PPC64: "ppc64le", elf.EM_LOONGARCH: "loong64",
}

// checkHelper says why a program can't run alone on a machine.
func checkHelper(path, system, arch string) error {
	none := fmt.Sprintf("nothing can be run beside the mounts of a builder on %s/%s", system, arch)
	const hint = "hint: docker-catmandu as make build makes it has programs for linux/amd64 and linux/arm64 in it"
	f, err := elf.Open(path)
	if err != nil || system != "linux" {
		return fmt.Errorf("%s: %s is no program for it\n%s", none, path, hint)
	}
	defer f.Close()
	if of := machines[f.Machine]; of != arch {
		return fmt.Errorf("%s: %s is for %s\n%s", none, path, cmp.Or(of, f.Machine.String()), hint)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s: %s needs libraries of this machine, as it was not built with CGO_ENABLED=0\n%s", none, path, hint)
		}
	}
	return nil
}
