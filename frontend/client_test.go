package frontend

import (
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/llb"
)

const (
	uv      = "ghcr.io/astral-sh/uv:0.7"
	uvAlias = "GHCR.IO:443/astral-sh/uv:0.7"

	rejected  = "failed to fetch oauth token: denied: denied"
	anonymous = "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized"
)

// TestFallback: the daemon is asked for the reference as written in either attempt,
// with the policy that makes its alias of it in the second, where it takes policies.
func TestFallback(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		gw := newFake(t, map[string][]string{uv: {rejected}, uvAlias: {""}})
		gw.noPolicies = noPolicies
		require.Equal(t, !noPolicies, supports(gw, pb.CapSourcePolicy))
		c := newClient(gw, defaults())
		require.NoError(t, config(t, c, uv))
		require.NoError(t, config(t, c, uv), "remembered")

		asked, became := gw.requests()
		require.Equal(t, []string{uv, uvAlias}, became)
		require.Equal(t, "[internal] load metadata for "+uv, gw.calls[0].logName)
		require.Equal(t, gw.calls[0].logName, gw.calls[1].logName)
		require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "GHCR.IO:443/astral-sh/uv"}, c.resolver.Names())
		if noPolicies {
			require.Equal(t, became, asked)
			require.Equal(t, []string{"docker-image://" + uvPinned}, gw.checks, "the step that tells of it")
			continue
		}
		require.Equal(t, []string{uv, uv}, asked)
		require.Equal(t, []string{"docker-image://" + uvPinned, "docker-image://" + uvPinnedUpper}, gw.checks)
	}
}

// TestCheckStep: the step that asks the policies about an image and its alias tells of
// the fallback. It is another one for another image.
func TestCheckStep(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {rejected}, uvAlias: {""}, tool: {rejected}, "GHCR.IO:443/acme/tool:1": {""}})
	c := newClient(gw, defaults())
	require.NoError(t, config(t, c, uv))
	require.NoError(t, config(t, c, tool))
	require.Len(t, gw.checked, 2)
	steps := make([]string, 2)
	for i, req := range gw.checked {
		require.True(t, req.Evaluate)
		require.Len(t, req.SourcePolicies, 1)
		list, err := llb.ImageSources(req.Definition)
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.True(t, llb.OnlyPolicy(list[0].Ref, list[1].Ref).EqualVT(req.SourcePolicies[0]))
		require.Equal(t, "amd64", list[0].Platform.Architecture)
		for dgst, meta := range req.Definition.Metadata {
			if meta.Description["llb.customname"] == report.Step(c.resolver.All()[i]) {
				steps[i] = dgst
			}
		}
		require.NotEmpty(t, steps[i])
	}
	require.NotEqual(t, steps[0], steps[1])
}

// supports keeps the fake honest: pb.Caps is what a new daemon has.
func supports(c gwclient.Client, id apicaps.CapID) bool {
	caps := c.BuildOpts().LLBCaps
	return caps.Supports(id) == nil
}

// TestErrorIsRemembered: the builder is told what the preflight met, without a second
// request.
func TestErrorIsRemembered(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {anonymous}})
	c := newClient(gw, defaults())
	var first, second *refError
	require.ErrorAs(t, config(t, c, uv), &first)
	require.ErrorAs(t, config(t, c, uv), &second)
	require.Same(t, first.resolution, second.resolution)
	require.Equal(t, []string{uv}, gw.became())
	require.EqualError(t, first.cause, anonymous)
}

func TestSourceMetadata(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {rejected}, uvAlias: {""}})
	c := newClient(gw, defaults())
	op := &pb.SourceOp{Identifier: "docker-image://" + uv, Attrs: map[string]string{"a": "b"}}
	first, err := c.ResolveSourceMetadata(t.Context(), op, amd64Opt())
	require.NoError(t, err)
	require.Equal(t, []string{uv, uvAlias}, gw.became())
	require.Equal(t, "docker-image://"+uv, first.Op.Identifier)
	require.Equal(t, map[string]string{"a": "b"}, first.Op.Attrs)
	require.Equal(t, testDigest, first.Image.Digest)
	require.Equal(t, "docker-image://"+uv, op.Identifier, "the caller's op is not changed")

	// What one caller does to its answer is not seen by the next.
	first.Op.Identifier = "changed"
	second, err := c.ResolveSourceMetadata(t.Context(), op, amd64Opt())
	require.NoError(t, err)
	require.Equal(t, "docker-image://"+uv, second.Op.Identifier)
	require.Len(t, gw.calls, 2)
}

// TestSourceMetadataIsAskedApart: a config is not an answer to a request for
// metadata.
func TestSourceMetadataIsAskedApart(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {""}})
	c := newClient(gw, defaults())
	require.NoError(t, config(t, c, uv))
	res, err := c.ResolveSourceMetadata(t.Context(), &pb.SourceOp{Identifier: "docker-image://" + uv}, amd64Opt())
	require.NoError(t, err)
	require.Equal(t, testDigest, res.Image.Digest)
	require.Equal(t, []string{uv, uv}, gw.became())
}

func TestOtherSourcesPassThrough(t *testing.T) {
	gw := newFake(t, nil)
	c := newClient(gw, defaults())
	for _, id := range []string{"git://github.com/a/b", "https://ghcr.io/x", "docker-image://Not A Reference", "local://context"} {
		op := &pb.SourceOp{Identifier: id}
		if id == "docker-image://Not A Reference" {
			gw.registry = newFake(t, map[string][]string{"Not A Reference": {rejected}}).registry
			_, err := c.ResolveSourceMetadata(t.Context(), op, sourceresolver.Opt{})
			require.EqualError(t, err, rejected)
			continue
		}
		res, err := c.ResolveSourceMetadata(t.Context(), op, sourceresolver.Opt{})
		require.NoError(t, err)
		require.Same(t, op, res.Op)
	}
	require.Empty(t, c.resolver.All())
}

func TestLayoutsPassThrough(t *testing.T) {
	const layout = "ghcr.io/layout/x:1"
	gw := newFake(t, map[string][]string{layout: {rejected}})
	c := newClient(gw, defaults())
	opt := sourceresolver.Opt{LogName: "layout", OCILayoutOpt: &sourceresolver.ResolveOCILayoutOpt{Platform: &amd64}}
	_, _, _, err := c.ResolveImageConfig(t.Context(), layout, opt)
	require.EqualError(t, err, rejected)
	require.Equal(t, []call{{ref: layout, became: layout, logName: "layout"}}, gw.calls)
	require.Empty(t, c.resolver.All())
}

// frontendClient is a client that knows its own image.
type frontendClient struct {
	gwclient.Client
	st bkllb.State
}

func (c frontendClient) CurrentFrontend() (*bkllb.State, error) { return &c.st, nil }

func TestCurrentFrontend(t *testing.T) {
	gw := newFake(t, nil)
	st, err := newClient(gw, defaults()).CurrentFrontend()
	require.NoError(t, err)
	require.Nil(t, st)
	st, err = newClient(frontendClient{Client: gw}, defaults()).CurrentFrontend()
	require.NoError(t, err)
	require.NotNil(t, st)
}

// TestCallsAreHidden: to the builder, a preflight is a build; nobody asked for its
// warnings.
func TestCallsAreHidden(t *testing.T) {
	gw := newFake(t, nil)
	gw.opts = map[string]string{keyRequestID: requestPreflight, "target": "x"}
	c := newClient(gw, defaults())
	require.Equal(t, gw.opts, c.BuildOpts().Opts)
	c.call = true
	require.Equal(t, map[string]string{"target": "x"}, c.BuildOpts().Opts)
	require.Contains(t, gw.opts, keyRequestID, "the daemon's own map is not changed")
	c.quiet = true
	require.NoError(t, c.Warn(t.Context(), "", "x", gwclient.WarnOpts{}))
	require.Empty(t, gw.warnings)
	c.quiet = false
	require.NoError(t, c.Warn(t.Context(), "", "x", gwclient.WarnOpts{}))
	require.Len(t, gw.warnings, 1)
}
