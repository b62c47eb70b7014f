package frontend

import (
	"context"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerui"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"

	"github.com/org/pullsafe/frontend/references"
)

// Build is the frontend, a gwclient.BuildFunc. Its result is that of BuildKit's
// Dockerfile frontend. An error about references that could not be resolved or pulled
// names all of them; every other error is BuildKit's, unchanged.
func Build(ctx context.Context, gw gwclient.Client) (*gwclient.Result, error) {
	opts := gw.BuildOpts().Opts
	opt, err := parseOptions(opts)
	if err != nil {
		return nil, err
	}
	s := &session{client: newClient(gw, opt), opt: opt}
	switch opts[keyRequestID] {
	case requestPreflight:
		return s.answerPreflight(ctx)
	case subrequests.RequestSubrequestsDescribe:
		return s.answerDescribe(ctx)
	}
	return s.build(ctx)
}

// session is one build.
type session struct {
	client *client
	opt    options

	// What read found; zero when the builder has to say what is wrong.
	source      *dockerui.Source       // the Dockerfile
	checks      *linter.Config         // its check options
	set         *references.Set        // what it names
	refs        []references.Reference // that, and what the bases name
	triggered   map[string]bool        // their keys: whether the triggers were looked at
	resolveMode string
}

func (s *session) build(ctx context.Context) (*gwclient.Result, error) {
	stop := s.preflight(ctx)
	res, err := builder.Build(ctx, s.client)
	if err == nil {
		err = s.violation()
	}
	if err == nil {
		res, err = s.evaluate(ctx, res)
	}
	if err == nil {
		err = s.violation() // by the content of an image
	}
	stop()
	s.warn(ctx)
	if err != nil {
		return nil, s.explain(err)
	}
	return res, s.addReport(res)
}
