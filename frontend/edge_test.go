package frontend

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/util/imageutil"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// TestGraceLeavesNoOutcome: what the preflight gave up on was not resolved, and
// is neither refused nor anything else.
func TestGraceLeavesNoOutcome(t *testing.T) {
	for name, b := range map[string]answerFunc{
		"as written": hangs,
		"without credentials": func(ctx context.Context, ref string, opt sourceresolver.Opt) error {
			if strings.HasPrefix(ref, "reg.test/") {
				return errors.New(refused)
			}
			return hangs(ctx, ref, opt)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := newSession(t, twoStages, defaults(), map[string]answerFunc{"a": after(0, "reg.test/a:1: not found"), "b": b, "c": hangs})
				s.preflight(t.Context())()
				var failed []string
				for _, e := range s.ledger().entries(func(e entry) bool { return e.err != nil }) {
					failed = append(failed, e.query.ref)
				}
				require.Equal(t, []string{"reg.test/a:1"}, failed)
			})
		})
	}
}

// TestConvertedToAnything: whatever a rule of the user's makes of the reference,
// the request is repeated without the guard.
func TestConvertedToAnything(t *testing.T) {
	for _, tc := range []struct{ name, target string }{
		{"long", "docker-image://mirror.test/" + strings.Repeat("a", 150) + ":1@" + string(testDigest)},
		{"like a secret", "docker-image://mirror.test/ghp_tool:1"},
		{"like a key and value", "docker-image://mirror.test/x:npm_abcdef"},
		{"layout", "oci-layout://store@" + string(testDigest)},
		{"not normal", "docker-image://Mirror Test"},
		{"file", "https://mirror.test/x.tar"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer := error(nil)
			if tc.name == "file" {
				answer = &imageutil.ResolveToNonImageError{Ref: uv, Updated: tc.target}
			}
			gw := &fakeClient{t: t, registry: func(context.Context, string, sourceresolver.Opt) error { return answer }}
			gw.policy = &spb.Policy{Version: 1, Rules: []*spb.Rule{{
				Action:   spb.PolicyAction_CONVERT,
				Selector: &spb.Selector{Identifier: "docker-image://" + uv, MatchType: spb.MatchType_EXACT},
				Updates:  &spb.Update{Identifier: tc.target},
			}}}
			c := newClient(gw, defaults())
			_, _, _, err := c.ResolveImageConfig(t.Context(), uv, amd64Opt())
			require.Equal(t, []string{uv, uv}, gw.asked())
			if answer == nil {
				require.NoError(t, err)
				return
			}
			require.Same(t, answer, err) // dockerui looks for this type
		})
	}
}

func TestHostsWithSpaces(t *testing.T) {
	got, err := parseOptions(frontendOpts("", map[string]string{"PULLSAFE_HOSTS": "ghcr.io, quay.io"}))
	require.NoError(t, err)
	require.True(t, got.retries("quay.io"))
}

// TestInputDoesNotHoldUpTheBuild: the builder never asks for it.
func TestInputDoesNotHoldUpTheBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, gw := inputSession(t, map[string]string{"context:first": "input:first", "context:second": "input:second"})
		gw.registry = hangs
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errors.New("an hour"))
		defer cancel()
		began := time.Now()
		s.preflight(ctx)()
		require.Less(t, time.Since(began), time.Minute)
	})
}

// TestSolveOfATag: a definition of another frontend need not be pinned. Asking a
// policy about a tag asks the registry, with the refused credentials.
func TestSolveOfATag(t *testing.T) {
	c, _ := rescuedClient(t, false)
	_, err := c.Solve(t.Context(), request(t, uv))
	require.NoError(t, err)
}

// TestSolveOfAnImageThatTheUserConverts: a rule that matches only the pinned
// identifier has its meaning when the image is solved.
func TestSolveOfAnImageThatTheUserConverts(t *testing.T) {
	c, gw := rescuedClient(t, false)
	gw.policy = convert("docker-image://"+uv+"@*", "docker-image://mirror.test/uv:0.7@${1}")
	_, err := c.Solve(t.Context(), request(t, uvPinned[:len(uvPinned)-1]+"0"))
	require.NoError(t, err)
}

// TestDaemonWithoutCaps: a daemon that lacks what the builder needs gets the
// builder's own words, and no request before.
func TestDaemonWithoutCaps(t *testing.T) {
	gw := newFake(t, nil)
	gw.dockerfile = "FROM " + uv + "\n"
	old := oldDaemon{gw}
	_, want := builder.Build(t.Context(), old)
	require.ErrorContains(t, want, "needs BuildKit")
	_, got := Build(t.Context(), old)
	require.EqualError(t, got, want.Error())
	require.Empty(t, gw.asked())
}

// oldDaemon has no capabilities at all.
type oldDaemon struct{ *fakeClient }

func (d oldDaemon) BuildOpts() gwclient.BuildOpts {
	opts := d.fakeClient.BuildOpts()
	opts.LLBCaps, opts.Caps = pb.Caps.CapSet(nil), gwpb.Caps.CapSet(nil)
	return opts
}

// TestDescribe: the preflight is listed by this frontend, and not promised for
// another one that the Dockerfile names.
func TestDescribe(t *testing.T) {
	for text, want := range map[string]bool{"FROM scratch\n": true, "# syntax=example.com/other\nFROM scratch\n": false} {
		gw := newFake(t, nil)
		gw.dockerfile = text
		gw.opts = map[string]string{keyRequestID: subrequests.RequestSubrequestsDescribe}
		res, err := Build(t.Context(), gw)
		require.NoError(t, err)
		require.Equal(t, want, strings.Contains(string(res.Metadata["result.txt"]), "preflight"), text)
		require.Equal(t, want, strings.Contains(string(res.Metadata["result.json"]), requestPreflight), text)
	}
}
