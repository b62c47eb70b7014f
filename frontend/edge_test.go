package frontend

import (
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"
)

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
	require.Empty(t, gw.calls)
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
