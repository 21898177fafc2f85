package workflow

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// command is a command line of the plugin for the project; args are parts of it that are a shell's already.
func (w *writer) command(name string, args ...string) string {
	var b strings.Builder
	b.WriteString("docker catmandu " + name)
	for _, f := range w.Flags {
		b.WriteString(" " + word(f))
	}
	for _, t := range w.Targets {
		b.WriteString(" --target " + word(t))
	}
	for _, a := range args {
		b.WriteString(" " + a)
	}
	for _, s := range w.Named {
		b.WriteString(" " + word(s))
	}
	return b.String()
}

// bench is the command that compares with a revision.
func (w *writer) bench(against string) string {
	return w.command("bench", "--against "+against, "--scenario warm,source")
}

// place is where the project itself says that its caches are, if that is a repository of a registry.
func (w *writer) place() string {
	ref, is := strings.CutPrefix(w.Cache, "registry=")
	if !is {
		return ""
	}
	ref, _, _ = strings.Cut(ref, ",") // attributes
	return ref
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// word is text as one word of a shell.
func word(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// control are characters that only a double-quoted scalar may have.
var control = regexp.MustCompile(`[\x00-\x1f\x7f\x{80}-\x{9f}\x{2028}\x{2029}\x{feff}]`)

// unsafe are what makes a plain scalar something else than this text, at its begin or anywhere.
var unsafe = regexp.MustCompile("^[-?:,\\[\\]{}#&*!|>'\"%@`=<~ .0-9+]|: |:$| #| $")

// words that YAML takes for something else than text.
var reserved = []string{"", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}

// scalar is text as a value in YAML.
func scalar(text string) string {
	switch {
	case control.MatchString(text):
		return strconv.QuoteToASCII(text)
	case unsafe.MatchString(text) || slices.Contains(reserved, strings.ToLower(text)):
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return text
}
