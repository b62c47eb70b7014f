// Command bench measures pullsafe side by side with upstream's frontend image:
// the same daemon, the same registries, one run, the two interleaved build by
// build, so that the noise of a machine meets both. It prints medians and their
// ratios as a table, and writes them as JSON.
//
// A case is a way to build (see cases.go) with a number of references over a
// number of registry hosts, each of whose answers the registry's proxy delays.
// The clock runs around the client's Solve: no client program's start-up hides a
// difference. Requests are counted at the registries.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/readme"
)

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 20, "builds of each frontend in a case")
	flag.StringVar(&o.kinds, "cases", "", "only these kinds of case, comma-separated; the others' figures stay in the JSON file")
	flag.DurationVar(&o.latency, "latency", -1, "only this latency of the registries")
	flag.IntVar(&o.refs, "references", 0, "only so many references")
	flag.StringVar(&o.json, "json", "", "write the figures as JSON to this file")
	flag.BoolVar(&o.all, "all", false, "more sizes")
	flag.BoolVar(&o.short, "short", false, "only the smallest size of each case")
	flag.BoolVar(&o.write, "write", false, "write the tables into tests/README.md")
	flag.Parse()
	// Signals are the environment's, which cleans up before it ends the process.
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	rounds     int
	kinds      string
	latency    time.Duration // below 0 for all
	refs       int           // 0 for all
	json       string
	short, all bool
	write      bool
}

func (o options) wants(kind string) bool {
	return o.kinds == "" || slices.Contains(strings.Split(o.kinds, ","), kind)
}

func run(ctx context.Context, o options) error {
	if o.rounds < 1 {
		return errors.Errorf("-rounds is %d; it is at least 1", o.rounds)
	}
	var rep *report
	if err := harness.Perform(ctx, func(ctx context.Context, env *harness.Env) (err error) {
		rep, err = measure(ctx, env, o)
		return err
	}); err != nil {
		return err
	}
	if o.kinds != "" && o.json != "" {
		if err := rep.merge(o.json, o.wants); err != nil {
			return err
		}
	}
	text := rep.markdown()
	fmt.Print(text)
	if o.json != "" {
		if err := rep.writeJSON(o.json); err != nil {
			return err
		}
	}
	if o.write {
		return readme.Write("bench", text)
	}
	return nil
}

// measure runs every wanted part of the bench.
func measure(ctx context.Context, env *harness.Env, o options) (*report, error) {
	if err := env.SetProcessEnv(); err != nil {
		return nil, err
	}
	s, err := newStage(ctx, env)
	if err != nil {
		return nil, err
	}
	rep := &report{Rounds: o.rounds, CPUs: cpus()}
	for _, c := range cases(o) {
		fmt.Fprintf(os.Stderr, "bench: %s\n", c)
		row, err := s.measureCase(ctx, c, o.rounds)
		if err != nil {
			return nil, errors.Wrap(err, c.String())
		}
		rep.Cases = append(rep.Cases, row)
		fmt.Fprintln(os.Stderr, "bench:   "+row.summary())
	}
	if o.wants(kindHang) {
		fmt.Fprintln(os.Stderr, "bench: a registry that hangs")
		if rep.Hang, err = s.measureHang(ctx); err != nil {
			return nil, errors.Wrap(err, "a registry that hangs")
		}
	}
	if o.wants(kindProcess) {
		fmt.Fprintln(os.Stderr, "bench: size, start-up, memory")
		if rep.Process, err = s.measureProcess(ctx, o.rounds); err != nil {
			return nil, errors.Wrap(err, "size, start-up, memory")
		}
	}
	return rep, nil
}
