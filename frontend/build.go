package frontend

import (
	"context"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerui"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
)

// Build is the frontend: a gwclient.BuildFunc for the gateway and for
// client.Build. Its result is that of BuildKit's Dockerfile frontend. An error
// about references that could not be resolved is a fresh one, which names all of
// them; every other error is BuildKit's, unchanged.
func Build(ctx context.Context, gw gwclient.Client) (*gwclient.Result, error) {
	opt, err := parseOptions(gw.BuildOpts().Opts)
	if err != nil {
		return nil, err
	}
	s := &session{client: newClient(gw, opt), opt: opt}
	stop := s.preflight(ctx)
	res, err := builder.Build(ctx, s.client)
	stop()
	s.warn(ctx)
	if err != nil {
		return nil, s.explain(err)
	}
	if err := s.violation(); err != nil {
		return nil, err
	}
	return res, nil
}

// session is one build.
type session struct {
	client *client
	opt    options
	source *dockerui.Source // the Dockerfile; nil when the preflight could not read it
	checks *linter.Config   // its check options
}

func (s *session) ledger() *ledger {
	return s.client.resolver.ledger
}
