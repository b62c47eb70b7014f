package resolve

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/llb"
)

func TestNextAlias(t *testing.T) {
	for _, tc := range []struct {
		name, first string
		class       diagnosis.Class
		next        bool
	}{
		{"400", head + "400 Bad Request", diagnosis.RegistryOutage, true},
		{"404", head + "404 Not Found", diagnosis.NotFound, true},
		{"421", head + "421 Misdirected Request", diagnosis.RegistryOutage, true},
		{"503", outage, diagnosis.RegistryOutage, true},
		{"network", dial, diagnosis.NetworkFailure, true},
		{"TLS", badTLS, diagnosis.TLSFailure, true},
		{"credentials after all", rejected, diagnosis.CredentialsRejected, true},
		{"helper", "error getting credentials - err: exit status 1, out: `no`", diagnosis.CredentialHelper, true},
		{"anonymous denial", anonymous, diagnosis.AuthRequired, false},
		{"policy", `could not resolve image due to policy: source "docker-image://` + uvBoth + `" denied by policy: source denied by policy`, diagnosis.PolicyDenied, false},
		{"rate limit", limited, diagnosis.RateLimited, false},
		{"no platform", "no match for platform in manifest " + testDigest.String() + ": not found", diagnosis.NoMatchingPlatform, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {tc.first}, uvPort: {""}})
				r := newResolver(d)
				res := resolve(t, r, d, uv)
				require.Len(t, res.Fallback, 1, "a repetition is no other answer")
				require.Equal(t, tc.class, res.Fallback[0].Class)
				require.Equal(t, tc.next, res.FellBack())
				if !tc.next {
					require.EqualError(t, res.Err, rejected)
					require.Nil(t, res.Image)
					requireRequests(t, d, uv, uv, uvBoth)
					require.Empty(t, r.Names())
					return
				}
				require.NoError(t, res.Err)
				require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "ghcr.io:443/astral-sh/uv"}, r.Names())
				for _, c := range d.calls {
					require.Equal(t, uvStep, c.logName)
				}
				requireAlias(t, d, d.calls[len(d.calls)-1], uv, uvPort)
			})
		})
	}
}

// TestNoAliasAnswers: every kind is tried, and each of the answers is kept.
func TestNoAliasAnswers(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {badTLS}, uvPort: {rejected}, uvUpper: {anonymous}})
		d.noPolicies = noPolicies
		r := newResolver(d)
		res := resolve(t, r, d, uv)
		requireRequests(t, d, uv, uv, uvBoth, uvPort, uvUpper)
		require.EqualError(t, res.Err, rejected)
		var classes []diagnosis.Class
		for _, a := range res.Fallback {
			classes = append(classes, a.Class)
		}
		require.Equal(t, []diagnosis.Class{diagnosis.TLSFailure, diagnosis.CredentialsRejected, diagnosis.AuthRequired}, classes)
		decisive, ok := res.Decisive()
		require.True(t, ok)
		require.Equal(t, diagnosis.AuthRequired, decisive.Class)
		require.Equal(t, diagnosis.CredentialsRejected, res.Written.Class)
	}
}

// TestKnownAliasGoesFirst: what has worked for a repository is tried first for its next
// tag.
func TestKnownAliasGoesFirst(t *testing.T) {
	const uv8, uv8Port, uv8Both = "ghcr.io/astral-sh/uv:0.8", "ghcr.io:443/astral-sh/uv:0.8", "GHCR.IO:443/astral-sh/uv:0.8"
	d := newDaemon(t, map[string][]string{
		uv: {rejected}, uvBoth: {rejected}, uvPort: {""},
		uv8: {rejected}, uv8Port: {head + "400 Bad Request"}, uv8Both: {""},
	})
	r := newResolver(d)
	require.NoError(t, resolve(t, r, d, uv).Err)
	require.NoError(t, resolve(t, r, d, uv8).Err)
	asked, became := d.requests()
	require.Equal(t, []string{uv, uvBoth, uvPort, uv8, uv8Port, uv8Both}, became)
	require.Equal(t, []string{uv, uv, uv, uv8, uv8, uv8}, asked)
	require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "ghcr.io:443/astral-sh/uv"}, r.Names())
}

// TestHostIsLearned: the alias that has worked for one repository of a host is tried
// first for the next, and what an alias answered for every image is not asked again.
func TestHostIsLearned(t *testing.T) {
	const (
		misdirected = head + "421 Misdirected Request"
		back        = `failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": failed to authorize redirect: failed to fetch oauth token: denied`
		helper      = "error getting credentials - err: exit status 1, out: `no`"
		missing     = head + "404 Not Found"
	)
	tool := func(host string) string { return host + "/acme/tool:1" }
	for _, tc := range []struct {
		name  string
		first []string // the answers of the three aliases
		then  []string // the hosts that are asked for the next repository
	}{
		{"the second works", []string{missing, ""}, []string{"ghcr.io:443"}},
		{"the third works", []string{missing, outage, ""}, []string{"GHCR.IO"}},
		{"not served", []string{misdirected, back, badTLS}, nil},
		{"the helper fails", []string{helper, helper, helper}, nil},
		{"may be about the image", []string{missing, rejected, dial}, []string{"GHCR.IO:443", "ghcr.io:443", "GHCR.IO"}},
		{"one of them", []string{misdirected, missing, outage}, []string{"ghcr.io:443", "GHCR.IO"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := map[string][]string{uv: {rejected}, tool("ghcr.io"): {rejected}}
				hosts := []string{"GHCR.IO:443", "ghcr.io:443", "GHCR.IO"}
				for i, text := range tc.first {
					if text != back {
						text = strings.ReplaceAll(text, "https://ghcr.io/", "https://"+hosts[i]+"/")
					}
					answers[hosts[i]+"/astral-sh/uv:0.7"] = []string{text}
				}
				want := []string{tool("ghcr.io")}
				for _, host := range tc.then {
					answers[tool(host)] = []string{strings.ReplaceAll(head, "ghcr.io", host) + "403 Forbidden"} // the next is tried
					want = append(want, tool(host))
				}
				if len(tc.then) == 1 {
					answers[tool(tc.then[0])] = []string{""}
				}
				d := newDaemon(t, answers)
				r := newResolver(d)
				resolve(t, r, d, uv)
				d.calls = nil
				res := resolve(t, r, d, tool("ghcr.io"))
				requireRequests(t, d, tool("ghcr.io"), want...)
				require.Equal(t, len(tc.then) == 1, res.FellBack())
				if !res.FellBack() {
					require.Len(t, res.Fallback, 3, "what is known is an answer")
				}
			})
		})
	}
}

// TestNotServedSaysLeast: an answer of the registry itself is worth more, and so is a
// fault that may be gone.
func TestNotServedSaysLeast(t *testing.T) {
	const misdirected = head + "421 Misdirected Request"
	for _, tc := range []struct {
		answers []string
		class   diagnosis.Class
		status  int
	}{
		{[]string{misdirected, outage}, diagnosis.RegistryOutage, 503},
		{[]string{misdirected, dial}, diagnosis.NetworkFailure, 0},
		{[]string{rejected, misdirected}, diagnosis.CredentialsRejected, 0},
		{[]string{misdirected, misdirected}, diagnosis.RegistryOutage, 421},
	} {
		res := &Resolution{}
		for _, text := range tc.answers {
			res.Fallback = append(res.Fallback, diagnosis.Diagnose(uv, text))
		}
		d, ok := res.Decisive()
		require.True(t, ok)
		require.Equal(t, tc.class, d.Class)
		require.Equal(t, tc.status, d.HTTPStatus)
	}
}

func TestTransientFaults(t *testing.T) {
	for _, tc := range []struct {
		name  string
		upper []string
		asked []string
		took  time.Duration
	}{
		{"passes", []string{outage, ""}, []string{uv, uvBoth, uvBoth}, transientWait},
		{"passes late", []string{dial, outage, ""}, []string{uv, uvBoth, uvBoth, uvBoth}, 3 * transientWait},
		{"stays", []string{outage}, []string{uv, uvBoth, uvBoth, uvBoth, uvPort}, 3 * transientWait},
		{"turns", []string{outage, anonymous}, []string{uv, uvBoth, uvBoth}, transientWait},
		{"lasting", []string{badTLS}, []string{uv, uvBoth, uvPort}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: tc.upper, uvPort: {anonymous}})
				began := time.Now()
				res := resolve(t, newResolver(d), d, uv)
				require.Equal(t, tc.upper[len(tc.upper)-1] != "", res.Err != nil)
				requireRequests(t, d, uv, tc.asked...)
				require.Equal(t, tc.took, time.Since(began))
			})
		})
	}
}

// TestNoAnswer: a registry that hangs under its host aliases does not hold the error
// back for longer than the bound, whatever it does.
func TestNoAnswer(t *testing.T) {
	const eof = "failed to do request: EOF"
	for _, tc := range []struct {
		name   string
		answer func(ctx context.Context) error
		took   time.Duration
		asked  int // under aliases
		says   string
	}{
		{"hangs", func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("rpc error: code = Canceled desc = context canceled")
		}, answerWithin, 1, "no response within a minute"},
		{"hangs, and the daemon says so first", func(context.Context) error {
			time.Sleep(answerWithin - time.Millisecond)
			return errors.New("rpc error: code = DeadlineExceeded desc = context deadline exceeded")
		}, answerWithin - time.Millisecond, 1, "no response within a minute"},
		{"a late fault is not repeated", func(context.Context) error {
			time.Sleep(repeatWithin + time.Second)
			return errors.New(eof)
		}, 3 * (repeatWithin + time.Second), 3, "EOF"},
		{"a fault at once is", func(context.Context) error { return errors.New(eof) }, 3 * 3 * transientWait, 9, "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := answering(t, nil)
				d.registry = func(ctx context.Context, ref string) error {
					if ref == uv {
						return errors.New(rejected)
					}
					return tc.answer(ctx)
				}
				r := newResolver(d)
				start := time.Now()
				res := resolve(t, r, d, uv)
				require.Equal(t, tc.took, time.Since(start))
				require.Len(t, d.calls, 1+tc.asked)
				require.EqualError(t, res.Err, rejected)
				last, ok := res.Decisive()
				require.True(t, ok)
				require.Equal(t, diagnosis.NetworkFailure, last.Class)
				require.Contains(t, last.Message, tc.says)
				require.False(t, res.Canceled(), "it is an answer, and remembered")
			})
		})
	}
}
