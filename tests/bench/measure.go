package main

import (
	"context"
	"time"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

// sample is one build.
type sample struct {
	wall              time.Duration
	requests, refused int
}

// row is what was measured of a case.
type row struct {
	Kind      string        `json:"kind"`
	Refs      int           `json:"references"`
	Hosts     int           `json:"hosts"`
	LatencyMS int64         `json:"latencyMs"`
	Upstream  series        `json:"upstream"`
	Pullsafe  series        `json:"pullsafe"`
	Ratio     float64       `json:"ratioOfMedians"`
	Paired    float64       `json:"medianOfRatios"`
	samples   [2][]sample   `json:"-"`
	latency   time.Duration `json:"-"`
}

// measureCase builds with both frontends in turn. Which is first changes from
// round to round, and a first round, which warms everything up, does not count.
func (s *stage) measureCase(ctx context.Context, c benchCase, rounds int) (*row, error) {
	s.setFault(answerAfter(c.latency))
	defer s.setFault(nil)
	fixed := s.nextPrefix()
	out := &row{Kind: c.kind, Refs: c.refs, Hosts: c.hosts, LatencyMS: c.latency.Milliseconds(), latency: c.latency}
	for round := range rounds + 1 {
		order := []int{0, 1}
		if round%2 == 1 {
			order = []int{1, 0}
		}
		for _, which := range order {
			prefix := fixed
			if c.kind != kindCached && c.kind != kindSteps {
				prefix = s.nextPrefix()
				if err := s.daemon.Prune(ctx); err != nil {
					return nil, err
				}
			}
			one, err := s.build(ctx, c, s.frontends[which], prefix)
			if err != nil {
				return nil, errors.Wrap(err, s.frontends[which].name)
			}
			if round > 0 {
				out.samples[which] = append(out.samples[which], one)
			}
		}
	}
	out.summarize()
	return out, nil
}

// build is one build, which has to end as the case says.
func (s *stage) build(ctx context.Context, c benchCase, fe frontendImage, prefix string) (sample, error) {
	config := s.good
	if c.kind == kindError || ((c.kind == kindRefused || c.kind == kindRefusedSteps) && fe.name == "pullsafe") {
		config = s.stale
	}
	dir, err := s.env.WriteFiles(map[string]string{"Dockerfile": c.dockerfile(prefix)})
	if err != nil {
		return sample{}, err
	}
	s.resetRequests()
	start := time.Now()
	res, err := s.env.Solve(ctx, s.client, harness.SolveInput{
		Frontend: harness.Frontend{Image: fe.image}, Dir: dir, DockerConfig: config,
	})
	wall := time.Since(start)
	if err != nil {
		return sample{}, err
	}
	if (res.Err != nil) != (c.kind == kindError) {
		return sample{}, errors.Errorf("the build ended with: %v", res.Err)
	}
	all, refused := s.requests()
	return sample{wall: wall, requests: all, refused: refused}, nil
}
