package resolve

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/llb"
)

const (
	at = "@" + string(testDigest)

	uvPinned     = uv + at
	uvPinnedBoth = uvBoth + at
	uvPinnedPort = uvPort + at
	uvProbe      = "ghcr.io/astral-sh/uv@" + string(noDigest)
	uvProbeBoth  = "GHCR.IO:443/astral-sh/uv@" + string(noDigest)
	uvProbePort  = "ghcr.io:443/astral-sh/uv@" + string(noDigest)
	uvProbeUpper = "GHCR.IO/astral-sh/uv@" + string(noDigest)
)

// missing is BuildKit's answer for a digest that the registry does not have.
func missing(ref string) string { return ref + ": not found" }

// TestPinned: what is pinned by digest may come from the content store, where anybody
// can have put it (an image that is not public too). So the repository is asked for a
// digest that no image has, and only an answer to that counts.
func TestPinned(t *testing.T) {
	const digestOnly = "ghcr.io/astral-sh/uv" + at
	for _, tc := range []struct {
		name, ref string
		answers   map[string][]string // under aliases
		want      []string            // the requests under aliases
		fallback  []diagnosis.Class
		alias     string
	}{
		{
			name: "public", ref: uvPinned,
			answers: map[string][]string{uvProbeBoth: {missing(uvProbeBoth)}, uvPinnedBoth: {""}},
			want:    []string{uvProbeBoth, uvPinnedBoth}, alias: uvPinnedBoth,
		},
		{
			name: "digest only", ref: digestOnly,
			answers: map[string][]string{uvProbeBoth: {missing(uvProbeBoth)}, "GHCR.IO:443/astral-sh/uv" + at: {""}},
			want:    []string{uvProbeBoth, "GHCR.IO:443/astral-sh/uv" + at}, alias: "GHCR.IO:443/astral-sh/uv" + at,
		},
		{
			// The content store would answer for uvPinnedBoth: nobody believes it.
			name: "denied, in the content store", ref: uvPinned,
			answers:  map[string][]string{uvProbeBoth: {anonymous}, uvPinnedBoth: {""}},
			want:     []string{uvProbeBoth},
			fallback: []diagnosis.Class{diagnosis.AuthRequired},
		},
		{
			name: "rejected under one alias", ref: uvPinned,
			answers:  map[string][]string{uvProbeBoth: {rejected}, uvPinnedBoth: {""}, uvProbePort: {missing(uvProbePort)}, uvPinnedPort: {""}},
			want:     []string{uvProbeBoth, uvProbePort, uvPinnedPort},
			fallback: []diagnosis.Class{diagnosis.CredentialsRejected}, alias: uvPinnedPort,
		},
		{
			name: "rejected under every alias", ref: uvPinned,
			answers:  map[string][]string{uvProbeBoth: {rejected}, uvProbePort: {badTLS}, uvProbeUpper: {rejected}},
			want:     []string{uvProbeBoth, uvProbePort, uvProbeUpper},
			fallback: []diagnosis.Class{diagnosis.CredentialsRejected, diagnosis.TLSFailure, diagnosis.CredentialsRejected},
		},
		{
			name: "let in, and the image is missing", ref: uvPinned,
			answers: map[string][]string{
				uvProbeBoth: {missing(uvProbeBoth)}, uvPinnedBoth: {missing(uvPinnedBoth)},
				uvProbePort: {anonymous},
			},
			want:     []string{uvProbeBoth, uvPinnedBoth, uvProbePort},
			fallback: []diagnosis.Class{diagnosis.NotFound, diagnosis.AuthRequired},
		},
		{
			name: "rate limit", ref: uvPinned,
			answers:  map[string][]string{uvProbeBoth: {limited}},
			want:     []string{uvProbeBoth},
			fallback: []diagnosis.Class{diagnosis.RateLimited},
		},
		{
			name: "a transient fault of the probe", ref: uvPinned,
			answers: map[string][]string{uvProbeBoth: {outage, missing(uvProbeBoth)}, uvPinnedBoth: {dial, ""}},
			want:    []string{uvProbeBoth, uvProbeBoth, uvPinnedBoth, uvPinnedBoth}, alias: uvPinnedBoth,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.answers[tc.ref] = []string{rejected}
				d := newDaemon(t, tc.answers)
				r := newResolver(d)
				res := resolve(t, r, d, tc.ref)
				requireRequests(t, d, tc.ref, append([]string{tc.ref}, tc.want...)...)
				for _, c := range d.calls {
					require.Equal(t, d.calls[0].logName, c.logName)
				}
				var classes []diagnosis.Class
				for _, a := range res.Fallback {
					classes = append(classes, a.Class)
				}
				require.Equal(t, tc.fallback, classes)
				require.Equal(t, tc.alias != "", res.FellBack())
				if tc.alias == "" {
					require.EqualError(t, res.Err, rejected)
					require.Nil(t, res.Image)
					require.Empty(t, r.Names())
					return
				}
				require.NoError(t, res.Err)
				require.Equal(t, tc.alias, res.Alias.String())
				require.Equal(t, []string{llb.ImageScheme + tc.ref, llb.ImageScheme + tc.alias}, d.checks, "its own digest stays")
			})
		})
	}
}

// TestPinnedWithoutPolicies: nothing is probed there.
func TestPinnedWithoutPolicies(t *testing.T) {
	d := newDaemon(t, map[string][]string{uvPinned: {rejected}, uvPinnedBoth: {""}})
	d.noPolicies = true
	require.NoError(t, resolve(t, newResolver(d), d, uvPinned).Err)
	requireRequests(t, d, uvPinned, uvPinned, uvPinnedBoth)
}

// TestProbeNeverResolves: even a registry that has the digest of nothing lets the
// request in.
func TestProbeNeverResolves(t *testing.T) {
	d := newDaemon(t, map[string][]string{uvPinned: {rejected}, uvProbeBoth: {""}, uvPinnedBoth: {""}})
	require.NoError(t, resolve(t, newResolver(d), d, uvPinned).Err)
	requireRequests(t, d, uvPinned, uvPinned, uvProbeBoth, uvPinnedBoth)
}
