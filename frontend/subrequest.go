package frontend

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/report"
)

const (
	// requestPreflight is the request of `docker buildx build --call=preflight`.
	requestPreflight = "frontend.preflight"

	// checkTimeout bounds the answer to it; a build has no such bound.
	checkTimeout = 30 * time.Second
)

var preflightDefinition = subrequests.Request{
	Name:        requestPreflight,
	Version:     report.Version,
	Type:        subrequests.TypeRPC,
	Description: "Resolve every image of the Dockerfile and report the result of each",
	Opts:        []subrequests.Named{{Name: "target", Description: "Target build stage"}},
	Metadata:    []subrequests.Named{{Name: "result.json"}, {Name: "result.txt"}, {Name: "result.statuscode"}},
}

var errCheckTimeout = errors.New("not checked: the registry did not respond in time")

// answerPreflight resolves every reference, needed or not, and returns the report
// in place of a build. No layer is pulled. It fails where the build would, in the
// builder's words where the Dockerfile is at fault.
func (s *session) answerPreflight(ctx context.Context) (*gwclient.Result, error) {
	s.client.call = true
	if err := s.read(ctx); errors.Is(err, errNotOurs) {
		return builder.Build(ctx, s.client.Client)
	}
	// Not a deadline, which would go to the daemon and come back as the network's.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(checkTimeout, func() { cancel(errCheckTimeout) }).Stop()
	s.resolveAll(ctx)
	// Nobody asked for lint warnings, but they say what a violation is about.
	s.client.quiet = !s.forbidden()
	err := s.convert(ctx)
	if err != nil && context.Cause(ctx) == nil && !s.stopped() {
		return nil, err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errCheckTimeout) {
		return nil, cause
	}

	results := s.results()
	dt, err := results.JSON()
	if err != nil {
		return nil, err
	}
	res := gwclient.NewResult()
	res.AddMeta("result.json", dt)
	res.AddMeta("result.txt", []byte(results.Table()))
	res.AddMeta("version", []byte(report.Version))
	res.AddMeta("result.statuscode", []byte(strconv.Itoa(results.StatusCode(s.opt.strict || s.forbidden()))))
	return res, nil
}

// convert has the builder make the definition, which is not solved. The builder looks at
// no context while it works on an ONBUILD trigger, and can do so without end.
func (s *session) convert(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		_, err := builder.Build(ctx, s.client)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stopped tells whether the build ends at an image.
func (s *session) stopped() bool {
	return slices.ContainsFunc(s.entries(), func(e entry) bool { return e.found.Needed && e.failed() })
}

// resolveAll resolves the references of every stage, and the triggers' of needed bases.
func (s *session) resolveAll(ctx context.Context) {
	ctx, p := s.newPreflight(ctx)
	for refs := s.refs; len(refs) > 0; {
		for _, ref := range refs {
			p.others.Go(func() { _ = p.resolve(ctx, ref) })
		}
		p.others.Wait()
		refs = s.onBuild(ctx)
		s.refs = append(s.refs, refs...)
	}
	p.cancel(nil)
}

// answerDescribe adds the preflight to the builder's answer, unless another frontend's.
func (s *session) answerDescribe(ctx context.Context) (*gwclient.Result, error) {
	cerr := s.read(ctx)
	res, err := builder.Build(ctx, s.client)
	if err != nil || errors.Is(cerr, errNotOurs) {
		return res, err
	}
	var all []subrequests.Request
	if err := json.Unmarshal(res.Metadata["result.json"], &all); err != nil {
		return nil, errors.Wrap(err, "failed to parse the list of requests")
	}
	dt, err := json.MarshalIndent(append(all, preflightDefinition), "", "  ")
	if err != nil {
		return nil, errors.Wrap(err, "failed to marshal the list of requests")
	}
	var text bytes.Buffer
	if err := subrequests.PrintDescribe(dt, &text); err != nil {
		return nil, errors.Wrap(err, "failed to print the list of requests")
	}
	res.AddMeta("result.json", dt)
	res.AddMeta("result.txt", text.Bytes())
	return res, nil
}
