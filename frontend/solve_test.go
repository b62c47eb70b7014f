package frontend

import (
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/llb"
)

// request solves a definition that copies from every one of images.
func request(t *testing.T, images ...string) gwclient.SolveRequest {
	t.Helper()
	st := bkllb.Scratch()
	for _, image := range images {
		st = st.File(bkllb.Copy(bkllb.Image(image), "/", "/"))
	}
	def, err := st.Marshal(t.Context(), bkllb.LinuxAmd64)
	require.NoError(t, err)
	return gwclient.SolveRequest{Definition: def.ToPB()}
}

func sources(t *testing.T, def *pb.Definition) []string {
	t.Helper()
	list, err := llb.ImageSources(def)
	require.NoError(t, err)
	var out []string
	for _, src := range list {
		out = append(out, src.Ref.String())
	}
	return out
}

const (
	uvPinned      = uv + "@" + string(testDigest)
	uvPinnedUpper = uvUpper + "@" + string(testDigest)
	uv8Pinned     = "ghcr.io/astral-sh/uv:0.8@" + string(testDigest)
	tool          = "ghcr.io/acme/tool:1"
)

// rescuedClient is a client for which uv had to be had without credentials.
func rescuedClient(t *testing.T, noPolicies bool) (*client, *fakeClient) {
	t.Helper()
	gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}, tool: {""}})
	gw.noPolicies = noPolicies
	c := newClient(gw, defaults())
	require.NoError(t, config(t, c, uv))
	require.NoError(t, config(t, c, tool))
	return c, gw
}

func TestSolveConverts(t *testing.T) {
	c, gw := rescuedClient(t, false)
	own := &spb.Policy{Version: 1}
	req := request(t, uvPinned, tool, uv8Pinned, "docker.io/library/alpine:3")
	req.SourcePolicies = append(make([]*spb.Policy, 0, 4), own)
	before := req.Definition.CloneVT()
	converted, err := c.resolver.names().Rewrite(req.Definition)
	require.NoError(t, err)
	_, err = c.Solve(t.Context(), req)
	require.NoError(t, err)

	got := gw.solves[0]
	require.Equal(t, req.Definition.Def, got.Definition.Def, "the rules see the sources as written")
	require.True(t, before.EqualVT(req.Definition), "the caller's definition is not changed")
	for dgst, meta := range converted.Metadata {
		require.True(t, meta.EqualVT(got.Definition.Metadata[dgst]), "metadata is also where a converted op looks for it")
	}
	require.Len(t, got.SourcePolicies, 2)
	require.Same(t, own, got.SourcePolicies[0])
	require.Nil(t, req.SourcePolicies[:2][1], "the caller's list is not changed")
	rules := map[string]string{}
	for _, r := range got.SourcePolicies[1].Rules {
		require.Equal(t, spb.PolicyAction_CONVERT, r.Action)
		require.Equal(t, spb.MatchType_WILDCARD, r.Selector.MatchType)
		rules[r.Selector.Identifier] = r.Updates.Identifier
	}
	require.Equal(t, map[string]string{
		"docker-image://" + uvPinned:  "docker-image://" + uvPinnedUpper,
		"docker-image://" + uv8Pinned: "docker-image://GHCR.IO/astral-sh/uv:0.8@" + string(testDigest),
	}, rules)
}

func TestSolveRewritesWithoutPolicies(t *testing.T) {
	c, gw := rescuedClient(t, true)
	req := request(t, uvPinned, tool)
	before := req.Definition.CloneVT()
	_, err := c.Solve(t.Context(), req)
	require.NoError(t, err)
	got := gw.solves[0]
	require.Empty(t, got.SourcePolicies)
	require.ElementsMatch(t, []string{uvPinnedUpper, tool}, sources(t, got.Definition))
	require.True(t, before.EqualVT(req.Definition), "the caller's definition is not changed")
}

// TestSolveIsNotTouched: what is not of a rescued repository goes to the daemon
// as it came.
func TestSolveIsNotTouched(t *testing.T) {
	for _, tc := range []struct {
		name    string
		request func(t *testing.T) gwclient.SolveRequest
	}{
		{"another repository of the host", func(t *testing.T) gwclient.SolveRequest { return request(t, tool) }},
		{"another frontend", func(t *testing.T) gwclient.SolveRequest {
			req := request(t, uvPinned)
			req.Frontend = "gateway.v0"
			return req
		}},
		{"another frontend, no definition", func(*testing.T) gwclient.SolveRequest {
			return gwclient.SolveRequest{Frontend: "dockerfile.v0"}
		}},
		{"no definition", func(*testing.T) gwclient.SolveRequest { return gwclient.SolveRequest{Evaluate: true} }},
		{"empty definition", func(*testing.T) gwclient.SolveRequest {
			return gwclient.SolveRequest{Definition: &pb.Definition{}}
		}},
	} {
		for _, noPolicies := range []bool{false, true} {
			t.Run(tc.name, func(t *testing.T) {
				c, gw := rescuedClient(t, noPolicies)
				req := tc.request(t)
				_, err := c.Solve(t.Context(), req)
				require.NoError(t, err)
				require.Equal(t, []gwclient.SolveRequest{req}, gw.solves)
				require.Same(t, req.Definition, gw.solves[0].Definition)
			})
		}
	}
}

func TestSolveRefusesABrokenDefinition(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		c, gw := rescuedClient(t, noPolicies)
		_, err := c.Solve(t.Context(), gwclient.SolveRequest{Definition: &pb.Definition{Def: [][]byte{{0xff}}}})
		require.ErrorContains(t, err, "failed to parse op 0")
		require.Empty(t, gw.solves)
	}
}

func TestSolveMemo(t *testing.T) {
	gw := newFake(t, nil)
	c := newClient(gw, defaults())
	one, other := request(t, uv), request(t, tool)
	solve := func(req gwclient.SolveRequest) *gwclient.Result {
		res, err := c.Solve(t.Context(), req)
		require.NoError(t, err)
		return res
	}

	solve(one) // before recording: not kept
	c.solved.record(true)
	first := solve(one)
	require.NotSame(t, first, solve(one), "not handed out while recording")
	c.solved.entries = c.solved.entries[:1]
	withCache := one
	withCache.CacheImports = []gwclient.CacheOptionsEntry{{Type: "registry"}}
	solve(withCache) // not kept either
	c.solved.record(false)
	require.Len(t, c.solved.entries, 1)

	solves := len(gw.solves)
	require.NotSame(t, first, solve(other))
	require.NotSame(t, first, solve(withCache))
	foreign := one
	foreign.Frontend = "gateway.v0"
	require.NotSame(t, first, solve(foreign))
	require.Len(t, gw.solves, solves+3)
	require.Same(t, first, solve(one), "handed out")
	require.Len(t, gw.solves, solves+3)
	require.NotSame(t, first, solve(one), "once")
	require.Len(t, gw.solves, solves+4)
}
