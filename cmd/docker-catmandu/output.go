package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"
)

// format is the value of --format: the first of its choices is the default.
type format struct {
	choices []string
	value   string
}

func (f *format) add(flags *pflag.FlagSet, choices ...string) {
	f.choices, f.value = choices, choices[0]
	flags.Var(f, "format", "Format of the output: "+strings.Join(choices, ", "))
}

func (f *format) String() string { return f.value }

func (f *format) Type() string { return "string" }

// Set takes one of the choices.
func (f *format) Set(v string) error {
	if !slices.Contains(f.choices, v) {
		return fmt.Errorf("must be one of %s", strings.Join(f.choices, ", "))
	}
	f.value = v
	return nil
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// table prints rows in columns; the first row is the head, which is printed in capitals.
func table(w io.Writer, rows [][]string) error {
	buffer := bufio.NewWriter(w) // a tabwriter writes each cell by itself
	tw := tabwriter.NewWriter(buffer, 0, 0, 3, ' ', 0)
	for i, row := range rows {
		line := strings.Join(row, "\t")
		if i == 0 {
			line = strings.ToUpper(line)
		}
		if _, err := fmt.Fprintln(tw, line); err != nil {
			return err
		}
	}
	return errors.Join(tw.Flush(), buffer.Flush())
}
