package frontend

import (
	"context"
	"fmt"
	"strings"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

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
	uvPinnedUpper = uvAlias + "@" + string(testDigest)
	uv8Pinned     = "ghcr.io/astral-sh/uv:0.8@" + string(testDigest)
	tool          = "ghcr.io/acme/tool:1"
)

// fellBackClient is a client for which uv fell back.
func fellBackClient(t *testing.T, noPolicies bool) (*client, *fakeClient) {
	t.Helper()
	gw := newFake(t, map[string][]string{uv: {rejected}, uvAlias: {""}, tool: {""}})
	gw.noPolicies = noPolicies
	c := newClient(gw, defaults())
	require.NoError(t, config(t, c, uv))
	require.NoError(t, config(t, c, tool))
	return c, gw
}

func TestSolveConverts(t *testing.T) {
	c, gw := fellBackClient(t, false)
	own := &spb.Policy{Version: 1}
	req := request(t, uvPinned, tool, uv8Pinned, "docker.io/library/alpine:3")
	req.SourcePolicies = append(make([]*spb.Policy, 0, 4), own)
	before := req.Definition.CloneVT()
	converted, err := c.resolver.Names().Rewrite(req.Definition)
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
		"docker-image://" + uv8Pinned: "docker-image://GHCR.IO:443/astral-sh/uv:0.8@" + string(testDigest),
	}, rules)
}

func TestSolveRewritesWithoutPolicies(t *testing.T) {
	c, gw := fellBackClient(t, true)
	req := request(t, uvPinned, tool)
	before := req.Definition.CloneVT()
	_, err := c.Solve(t.Context(), req)
	require.NoError(t, err)
	got := gw.solves[0]
	require.Empty(t, got.SourcePolicies)
	require.ElementsMatch(t, []string{uvPinnedUpper, tool}, sources(t, got.Definition))
	require.True(t, before.EqualVT(req.Definition), "the caller's definition is not changed")
}

// TestSolveIsNotTouched: what is not of a repository that fell back goes to the daemon
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
				c, gw := fellBackClient(t, noPolicies)
				req := tc.request(t)
				_, err := c.Solve(t.Context(), req)
				require.NoError(t, err)
				require.Equal(t, []gwclient.SolveRequest{req}, gw.solves)
				require.Same(t, req.Definition, gw.solves[0].Definition)
			})
		}
	}
}

func TestSolveOfABrokenDefinition(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		c, gw := fellBackClient(t, noPolicies)
		_, err := c.Solve(t.Context(), gwclient.SolveRequest{Definition: &pb.Definition{Def: [][]byte{{0xff}}}})
		require.ErrorContains(t, err, "failed to parse op 0")
		require.Empty(t, gw.solves)
	}
}

// TestSolveOfATag: a definition of another frontend need not be pinned. Asking a policy
// about a tag asks the registry, with the rejected credentials.
func TestSolveOfATag(t *testing.T) {
	c, gw := fellBackClient(t, false)
	_, err := c.Solve(t.Context(), request(t, uv))
	require.NoError(t, err)
	require.Len(t, gw.solves[0].SourcePolicies[0].Rules, 1)
}

// TestSolveOfAnImageThatTheUserConverts: a rule that matches only the pinned identifier
// has its meaning when the image is solved: there is no rule for the alias before it.
func TestSolveOfAnImageThatTheUserConverts(t *testing.T) {
	for _, tc := range []struct {
		name, image string
	}{
		{"resolved in this build", uvPinned},
		{"of a definition that was handed over", uvPinned[:len(uvPinned)-1] + "0"},
	} {
		gw := newFake(t, map[string][]string{uv: {rejected}, uvAlias: {""}})
		gw.policy = &spb.Policy{Version: 1, Rules: []*spb.Rule{{
			Action:   spb.PolicyAction_CONVERT,
			Selector: &spb.Selector{Identifier: "docker-image://" + uv + "@*"},
			Updates:  &spb.Update{Identifier: "docker-image://mirror.test/uv:0.7@${1}"},
		}}}
		c := newClient(gw, defaults())
		require.NoError(t, config(t, c, uv))
		req := request(t, tc.image)
		_, err := c.Solve(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, []gwclient.SolveRequest{req}, gw.solves)
	}
}

// TestSolveOfAnImageThatAPolicyDenies: the verdict is the build's.
func TestSolveOfAnImageThatAPolicyDenies(t *testing.T) {
	c, gw := fellBackClient(t, false)
	gw.policy = &spb.Policy{Version: 1, Rules: []*spb.Rule{{
		Action: spb.PolicyAction_DENY, Selector: &spb.Selector{Identifier: "docker-image://" + uv8Pinned},
	}}}
	_, err := c.Solve(t.Context(), request(t, uv8Pinned))
	require.ErrorContains(t, err, "denied by policy")
	require.Empty(t, gw.solves)
}

// TestStrictSolve: under strict nothing is solved under an alias.
func TestStrictSolve(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {rejected}, uvAlias: {""}})
	c := newClient(gw, options{retry: true, strict: true})
	var ref *refError
	require.ErrorAs(t, config(t, c, uv), &ref)
	require.EqualError(t, ref.cause, rejected)
	require.True(t, ref.resolution.FellBack())
	req := request(t, uv)
	_, err := c.Solve(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, req, gw.solves[0])
}

func TestOCIPlatform(t *testing.T) {
	require.Nil(t, ociPlatform(nil))
	got := ociPlatform(&pb.Platform{OS: "windows", Architecture: "arm", Variant: "v7", OSVersion: "10", OSFeatures: []string{"x"}})
	require.Equal(t, &platform{OS: "windows", Architecture: "arm", Variant: "v7", OSVersion: "10", OSFeatures: []string{"x"}}, got)
}

func TestLayersOf(t *testing.T) {
	for config, want := range map[string]int{
		`{"rootfs":{"diff_ids":["sha256:1","sha256:2"]}}`: 2, `{}`: 0, "": 0, "[": 0, `{"rootfs":{"diff_ids":3}}`: 0,
	} {
		require.Equal(t, want, layersOf([]byte(config)), config)
	}
}

// TestSolveWhileOthersFallBack: what is known of a repository may grow at any time.
func TestSolveWhileOthersFallBack(t *testing.T) {
	gw := &fakeClient{t: t, registry: func(_ context.Context, ref string, _ sourceresolver.Opt) error {
		if strings.HasPrefix(ref, "ghcr.io/") {
			return errors.New(rejected)
		}
		return nil
	}}
	c := newClient(gw, defaults())
	req := request(t, uvPinned)
	var g errgroup.Group
	for i := range 50 {
		g.Go(func() error {
			_, _, _, err := c.ResolveImageConfig(t.Context(), fmt.Sprintf("ghcr.io/astral-sh/uv:%d", i), amd64Opt())
			return err
		})
		g.Go(func() error {
			_, err := c.Solve(t.Context(), req)
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.Len(t, gw.calls, 100)
	require.Len(t, gw.solves, 50)
	_, err := c.Solve(t.Context(), req)
	require.NoError(t, err)
	require.NotEmpty(t, gw.solves[50].SourcePolicies)
}
