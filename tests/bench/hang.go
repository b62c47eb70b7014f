package main

import (
	"context"
	"time"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

// hangResult is how long the user waits when one registry never answers.
type hangResult struct {
	What    string  `json:"what"`
	Seconds float64 `json:"seconds"`
}

// hangTimeout ends what would wait for ever.
const hangTimeout = 60 * time.Second

// measureHang lets one of five hosts hang, with a private image on another, and
// waits for the error, which names both; and for the answer of the preflight.
func (s *stage) measureHang(ctx context.Context) ([]hangResult, error) {
	s.setFault(answerAfter(0))
	defer s.setFault(nil)
	s.registries[4].SetFault(harness.FaultHang())
	c := benchCase{kind: kindError, refs: 10, hosts: 5}
	var out []hangResult
	for _, fe := range s.frontends {
		took, err := s.timeToEnd(ctx, c, fe, nil)
		if err != nil {
			return nil, errors.Wrap(err, fe.name)
		}
		out = append(out, hangResult{What: fe.name + ", another image is private", Seconds: took.Seconds()})
	}
	took, err := s.timeToEnd(ctx, c, s.frontends[1], map[string]string{"requestid": "frontend.preflight"})
	if err != nil {
		return nil, errors.Wrap(err, "preflight")
	}
	return append(out, hangResult{What: "pullsafe, --call=preflight", Seconds: took.Seconds()}), nil
}

func (s *stage) timeToEnd(ctx context.Context, c benchCase, fe frontendImage, opts map[string]string) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, hangTimeout, errors.New("the build does not end"))
	defer cancel()
	start := time.Now()
	_, err := s.env.Solve(ctx, s.client, harness.SolveInput{
		Frontend: harness.Frontend{Image: fe.image}, DockerConfig: s.stale, Opts: opts,
		Files: map[string]string{"Dockerfile": c.dockerfile(s.nextPrefix())},
	})
	if cause := context.Cause(ctx); err == nil && cause != nil {
		return 0, cause
	}
	return time.Since(start), err
}
