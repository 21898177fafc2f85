package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/retention"
)

// advise says what the builder's rules of garbage collection mean for the project.
func (h *holdings) advise(ctx context.Context, records []buildx.CacheRecord, past *ledger.History, prunes []time.Time) error {
	policies, err := h.live.GCPolicies(ctx)
	if err != nil {
		return err
	}
	needed, size := map[string]bool{}, map[string]int64{}
	for _, i := range h.Items {
		needed[i.ID] = i.Needed()
		if !i.Shared {
			size[i.ID] = i.Size
		}
	}
	var nodes []retention.Node
	for _, p := range policies {
		n := retention.Node{}
		if len(policies) > 1 {
			n.Name = p.Node
		}
		for _, r := range p.Rules {
			n.Rules = append(n.Rules, retention.Rule(r))
		}
		for _, r := range records {
			if r.Node != p.Node {
				continue
			}
			last := r.LastUsedAt
			if last.IsZero() {
				last = r.CreatedAt
			}
			n.Records = append(n.Records, retention.Record{Type: r.Type, Size: size[r.ID], Idle: time.Since(last), Needed: needed[r.ID]})
		}
		nodes = append(nodes, n)
	}
	h.advice = retention.Advise(nodes, retention.FindEvictions(past, h.live.ID, prunes))
	return nil
}

// printAdvice prints what was found out, and where the rules are.
func (h *holdings) printAdvice(w io.Writer) error {
	if len(h.advice) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\ngarbage collection of the builder:")
	for _, a := range h.advice {
		text := a.Text
		if a.Node != "" {
			text = "node " + a.Node + ": " + text
		}
		fmt.Fprintln(w, "-", text)
	}
	where := "in buildkitd.toml, as maxUsedSpace below [worker.oci] or in [[worker.oci.gcpolicy]]"
	switch h.live.Driver() {
	case "docker":
		where = "in the engine's daemon.json, below builder.gc"
	case "docker-container", "kubernetes":
		where += ", which docker buildx create takes with --buildkitd-config"
	}
	_, err := fmt.Fprintln(w, "hint: the rules are", where)
	return err
}

// prunesFile notes in the cache when records were removed from builders: that nothing is there after that is nobody's fault.
const prunesFile = "prunes.jsonl"

// maxPrunes is what the file may grow to in bytes; what is lost with it may be taken for garbage collection.
const maxPrunes = 1 << 20

// prunedAt is a line of it.
type prunedAt struct {
	Builder string    `json:"builder"`
	At      time.Time `json:"at"`
}

// notePrune notes that records are about to be removed.
func (h *holdings) notePrune() error {
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	return notePrune(cache, h.live.ID, time.Now())
}

func notePrune(cache, builder string, at time.Time) error {
	text, err := json.Marshal(prunedAt{builder, at.UTC()})
	if err != nil {
		return err
	}
	path := filepath.Join(cache, prunesFile)
	if info, err := os.Stat(path); err == nil && info.Size() > maxPrunes {
		_ = os.Remove(path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Close())
}

// prunesOf are the times when records were removed from a builder.
func prunesOf(cache, builder string) ([]time.Time, error) {
	text, err := os.ReadFile(filepath.Join(cache, prunesFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []time.Time
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var p prunedAt
		if json.Unmarshal(lines.Bytes(), &p) == nil && p.Builder == builder {
			out = append(out, p.At)
		}
	}
	return out, nil
}
