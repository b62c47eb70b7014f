package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// series sums up the builds of one frontend.
type series struct {
	MedianMS float64 `json:"medianMs"`
	LowMS    float64 `json:"lowerQuartileMs"`
	HighMS   float64 `json:"upperQuartileMs"`
	// Requests to the registries, and the exchanges of a refused login among them:
	// the median of the builds.
	Requests int `json:"requests"`
	Refused  int `json:"refusedExchanges"`
}

func (s series) String() string {
	return fmt.Sprintf("%.0f (%.0f to %.0f)", s.MedianMS, s.LowMS, s.HighMS)
}

// report is everything that was measured.
type report struct {
	Rounds  int            `json:"rounds"`
	CPUs    int            `json:"cpus"`
	Cases   []*row         `json:"cases,omitempty"`
	Hang    []hangResult   `json:"hang,omitempty"`
	Process *processReport `json:"process,omitempty"`
}

func cpus() int { return runtime.NumCPU() }

func (r *row) summarize() {
	r.Upstream, r.Pullsafe = summarize(r.samples[0]), summarize(r.samples[1])
	r.Ratio = ratio(r.Pullsafe.MedianMS, r.Upstream.MedianMS)
	var ratios []float64
	for i := range r.samples[0] {
		ratios = append(ratios, ratio(ms(r.samples[1][i].wall), ms(r.samples[0][i].wall)))
	}
	r.Paired = quantile(ratios, 0.5)
}

func summarize(samples []sample) series {
	var walls, requests, refused []float64
	for _, s := range samples {
		walls = append(walls, ms(s.wall))
		requests = append(requests, float64(s.requests))
		refused = append(refused, float64(s.refused))
	}
	return series{
		MedianMS: quantile(walls, 0.5), LowMS: quantile(walls, 0.25), HighMS: quantile(walls, 0.75),
		Requests: int(quantile(requests, 0.5)), Refused: int(quantile(refused, 0.5)),
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// quantile interpolates between the two nearest values.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// summary is the row for whoever watches.
func (r *row) summary() string {
	return fmt.Sprintf("upstream %.0f ms, pullsafe %.0f ms, ratio %.2f (round by round %.2f), requests %d and %d, refused exchanges %d",
		r.Upstream.MedianMS, r.Pullsafe.MedianMS, r.Ratio, r.Paired, r.Upstream.Requests, r.Pullsafe.Requests, r.Pullsafe.Refused)
}

func (rep *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rounds, %d CPUs. Times are medians, with the lower and the upper quartile, in milliseconds; requests are those that the registries saw in one build.\n\n", rep.Rounds, rep.CPUs)
	if len(rep.Cases) > 0 {
		b.WriteString("| Build | References | Hosts | Latency | Upstream | pullsafe | Ratio | Round by round | Requests, upstream | Requests, pullsafe | Refused exchanges |\n")
		b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	}
	for _, r := range rep.Cases {
		fmt.Fprintf(&b, "| %s | %d | %d | %d ms | %s | %s | %.2f | %.2f | %d | %d | %d |\n", r.Kind, r.Refs, r.Hosts, r.LatencyMS,
			r.Upstream, r.Pullsafe, r.Ratio, r.Paired, r.Upstream.Requests, r.Pullsafe.Requests, r.Pullsafe.Refused)
	}
	if len(rep.Hang) > 0 {
		b.WriteString("\n| A registry that hangs | Time to the error |\n|---|---|\n")
	}
	for _, h := range rep.Hang {
		fmt.Fprintf(&b, "| %s | %.1f s |\n", h.What, h.Seconds)
	}
	if p := rep.Process; p != nil {
		b.WriteString("\n| Process and image | Upstream | pullsafe | Ratio |\n|---|---|---|---|\n")
		for _, f := range p.Figures {
			fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.2f |\n", f.What, f.Upstream, f.Pullsafe, ratio(f.Pullsafe, f.Upstream))
		}
	}
	return b.String()
}

// merge adds the figures of an earlier run that this one did not measure anew.
func (rep *report) merge(path string, measured func(kind string) bool) error {
	dt, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return errors.WithStack(err)
	}
	var old report
	if err := json.Unmarshal(dt, &old); err != nil {
		return errors.Wrap(err, path)
	}
	if old.Rounds != rep.Rounds || old.CPUs != rep.CPUs {
		return errors.Errorf("%s has %d rounds on %d CPUs: remove it, or measure as it did", path, old.Rounds, old.CPUs)
	}
	for _, r := range old.Cases {
		if !slices.ContainsFunc(rep.Cases, r.sameCase) {
			rep.Cases = append(rep.Cases, r)
		}
	}
	slices.SortFunc(rep.Cases, func(a, b *row) int {
		return cmp.Or(slices.Index(kinds, a.Kind)-slices.Index(kinds, b.Kind), a.Refs-b.Refs, a.Hosts-b.Hosts, cmp.Compare(a.LatencyMS, b.LatencyMS))
	})
	if !measured(kindHang) {
		rep.Hang = old.Hang
	}
	if !measured(kindProcess) {
		rep.Process = old.Process
	}
	return nil
}

// sameCase tells whether two rows are of the same case.
func (r *row) sameCase(other *row) bool {
	return r.Kind == other.Kind && r.Refs == other.Refs && r.Hosts == other.Hosts && r.LatencyMS == other.LatencyMS
}

func (rep *report) writeJSON(path string) error {
	out, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(os.WriteFile(path, append(out, '\n'), 0o644))
}
