package buildx

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// shownSteps is how many steps a warning names, and shownText how many letters of each.
const shownSteps, shownText = 3, 32

// isNative tells whether a machine runs programs of a platform by itself. Variants of one architecture count as the
// same, and so do i386 on amd64 and arm on arm64: nearly all machines have both, and nothing tells of those arm64
// ones that don't.
func isNative(machine, p ocispecs.Platform) bool {
	machine, p = platforms.Normalize(machine), platforms.Normalize(p)
	if machine.OS == p.OS && machine.Architecture == p.Architecture {
		return true
	}
	return platforms.Only(machine).Match(p)
}

// emulated returns the steps that a target runs under emulation when a machine builds it for a platform. What the base
// images of other projects run by ONBUILD is not known.
func emulated(t targets.Target, dockerfile []byte, p, machine ocispecs.Platform) []targets.Run {
	d := targets.ParseDockerfileWith(t.Dockerfile, dockerfile, platformArgs(t.Build.Args, p, machine))
	given := func(name string) bool {
		for context := range t.Build.AdditionalContexts {
			if strings.EqualFold(context, name) {
				return true
			}
		}
		return false
	}
	var steps []targets.Run
	for _, i := range d.Takes(t.Stage, given) {
		on := p
		if said := d.PlatformOf(i); said != "" {
			var err error
			if on, err = platforms.Parse(said); err != nil {
				continue // BuildKit says what is wrong with it
			}
		}
		if !isNative(machine, on) {
			steps = append(steps, d.Stages[i].Runs...)
		}
	}
	return steps
}

// platformArgs are the arguments that a FROM may use: those of the build, and BuildKit's own for platforms.
func platformArgs(args map[string]string, p, machine ocispecs.Platform) map[string]string {
	p, machine = platforms.Normalize(p), platforms.Normalize(machine)
	out := map[string]string{
		"BUILDPLATFORM": platforms.Format(machine), "BUILDOS": machine.OS, "BUILDARCH": machine.Architecture, "BUILDVARIANT": machine.Variant,
		"TARGETPLATFORM": platforms.Format(p), "TARGETOS": p.OS, "TARGETARCH": p.Architecture, "TARGETVARIANT": p.Variant,
	}
	maps.Copy(out, args)
	return out
}

// emulation is what one target has to emulate.
type emulation struct {
	service, file string
	platforms     []string
	machine       string
	steps         []targets.Run
	// missing tells that the builder has no emulator for it.
	missing bool
}

func (e emulation) String() string {
	how := "are emulated on " + e.machine + ", which is slow"
	if e.missing {
		how = "need an emulator on " + e.machine + ", and the builder names none"
	}
	var names []string
	for _, s := range e.steps[:min(len(e.steps), shownSteps)] {
		text := strings.Join(strings.Fields(s.Text), " ")
		if letters := []rune(text); len(letters) > shownText {
			text = string(letters[:shownText]) + "…"
		}
		names = append(names, fmt.Sprintf("%s:%d RUN %s", e.file, s.Line, text))
	}
	if more := len(e.steps) - shownSteps; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("service %q: steps for %s %s: %s", e.service, strings.Join(e.platforms, ", "), how, strings.Join(names, ", "))
}

// emulations are those of a target that machines build, one line for platforms that have the same to emulate. on has
// the machine for every platform of the target.
func emulations(t targets.Target, dir string, all []ocispecs.Platform, on []placed) []emulation {
	text := []byte(t.Build.DockerfileInline)
	file := "dockerfile_inline"
	if len(text) == 0 {
		var err error
		if text, err = os.ReadFile(t.Dockerfile); err != nil || !filepath.IsAbs(t.Dockerfile) {
			return nil // remote: what it runs is not known
		}
		file = t.Dockerfile
		if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) {
			file = rel
		}
	}
	var out []emulation
	for i, p := range all {
		if on[i].machine.OS != p.OS {
			continue // unknown, or one that can't build it in any way
		}
		steps := emulated(t, text, p, on[i].machine)
		if len(steps) == 0 {
			continue
		}
		e := emulation{t.Service, file, []string{platforms.Format(p)}, platforms.Format(on[i].machine), steps, !on[i].listed}
		same := slices.IndexFunc(out, func(o emulation) bool {
			return o.machine == e.machine && o.missing == e.missing && slices.Equal(o.steps, e.steps)
		})
		if same < 0 {
			out = append(out, e)
			continue
		}
		out[same].platforms = append(out[same].platforms, e.platforms...)
	}
	return out
}

// emulationHint is the way out for all of them.
func emulationHint(all []emulation) string {
	missing := map[string]bool{}
	for _, e := range all {
		if !e.missing {
			continue
		}
		for _, p := range e.platforms {
			missing[strings.Split(p, "/")[1]] = true
		}
	}
	if len(missing) > 0 {
		return "the builder's machine gets emulators from the package qemu-user-static, or: docker run --privileged --rm tonistiigi/binfmt --install " + strings.Join(slices.Sorted(maps.Keys(missing)), ",")
	}
	return "a stage FROM --platform=$BUILDPLATFORM runs natively and can cross-compile; a builder can have a node for each platform"
}
