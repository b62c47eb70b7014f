package frontend

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/distribution/reference"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/llb"
)

// Solve implements gwclient.Client. A request for another frontend is not
// touched: that frontend resolves its own images.
func (c *client) Solve(ctx context.Context, req gwclient.SolveRequest) (*gwclient.Result, error) {
	if req.Definition == nil || req.Frontend != "" {
		return c.Client.Solve(ctx, req)
	}
	if res, ok := c.solved.get(req); ok {
		return res, nil
	}
	solve, err := c.withoutCredentials(ctx, req)
	if err != nil {
		return nil, err
	}
	res, err := c.Client.Solve(ctx, solve)
	if err != nil {
		return nil, err
	}
	return c.solved.put(req, res), nil
}

// withoutCredentials returns req such that the repositories whose credentials
// were refused are pulled under the spelling that needs none. Convert rules come
// first: BuildKit evaluates the user's own policies before those of a request,
// on the source as the user wrote it. Where the daemon has no source policies
// there are none of the user's either, and the definition itself is rewritten.
func (c *client) withoutCredentials(ctx context.Context, req gwclient.SolveRequest) (gwclient.SolveRequest, error) {
	names := c.resolver.names()
	if len(names) == 0 {
		return req, nil
	}
	if !c.resolver.daemon.policies {
		def, err := names.Rewrite(req.Definition)
		if err != nil {
			return req, errors.Wrap(err, "failed to rewrite definition")
		}
		req.Definition = def
		return req, nil
	}
	policy, err := names.Policy(req.Definition)
	if err != nil {
		return req, errors.Wrap(err, "failed to make convert rules")
	}
	if policy == nil {
		return req, nil
	}
	if err := c.leaveConverted(ctx, req.Definition, names, policy); err != nil {
		return req, err
	}
	if len(policy.Rules) > 0 {
		req.Definition = names.Annotate(req.Definition)
		req.SourcePolicies = append(slices.Clone(req.SourcePolicies), policy)
	}
	return req, nil
}

// leaveConverted asks the policies about what the convert rules will hide from
// them, and takes back the rules for what they convert themselves. Most was asked
// when it was resolved; the images of a definition that the client handed over
// are resolved by tag, and solved by a digest of their own.
func (c *client) leaveConverted(ctx context.Context, def *pb.Definition, names llb.Names, policy *spb.Policy) error {
	sources, err := llb.ImageSources(def)
	if err != nil {
		return err
	}
	for _, src := range sources {
		alt, ours := names.Respell(src.Ref)
		if !ours {
			continue
		}
		if ours, err = c.resolver.ruled(ctx, src.Ref, alt, ociPlatform(src.Platform)); err != nil {
			return err
		}
		if !ours {
			policy.Rules = slices.DeleteFunc(policy.Rules, func(r *spb.Rule) bool { return isRuleFor(r, src.Ref) })
		}
	}
	return nil
}

func isRuleFor(r *spb.Rule, ref reference.Named) bool {
	return r.GetSelector().GetIdentifier() == llb.ImageSource(ref)
}

// solveMemo answers the builder's own reading of the Dockerfile with the result
// of the preflight's, so that it is loaded once. It is filled while recording
// and holds the few definitions that reading takes.
type solveMemo struct {
	mu        sync.Mutex
	recording bool
	entries   []memoEntry
}

type memoEntry struct {
	def *pb.Definition
	res *gwclient.Result
}

func (m *solveMemo) record(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recording = on
}

// put keeps res while recording and returns it such that its files are fetched
// once.
func (m *solveMemo) put(req gwclient.SolveRequest, res *gwclient.Result) *gwclient.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.recording || len(req.CacheImports) > 0 {
		return res
	}
	if res.Ref != nil {
		res.Ref = newRereadable(res.Ref)
	}
	m.entries = append(m.entries, memoEntry{def: req.Definition, res: res})
	return res
}

// get returns a recorded result once; the reference in it then belongs to the
// builder.
func (m *solveMemo) get(req gwclient.SolveRequest) (*gwclient.Result, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.recording || len(req.CacheImports) > 0 {
		return nil, false
	}
	for i, e := range m.entries {
		if slices.EqualFunc(e.def.Def, req.Definition.Def, bytes.Equal) {
			m.entries = slices.Delete(m.entries, i, i+1)
			return e.res, true
		}
	}
	return nil, false
}
