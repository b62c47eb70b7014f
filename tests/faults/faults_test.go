package faults

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/readme"
	"github.com/org/pullsafe/tests/world"
)

// The parts of the table, which are the subtests of TestFaults.
const (
	partGood    = "good login"
	partRefused = "refused login"
	partCancel  = "cancellation"
)

// TestFaults: each fault ends the build in the way that upstream's image does, or
// where the login is refused too, as the scenario says; never without end.
func TestFaults(t *testing.T) {
	rows := &table{}
	e, c, d := world.FreshDaemon(t)
	// Not in parallel: it counts goroutines and processes.
	t.Run(partCancel, func(t *testing.T) { testCancellation(t, e, c, d, rows) })
	for _, p := range []part{
		{name: partGood, login: world.GoodLogin, scenarios: goodLogin(), same: true},
		{name: partRefused, login: world.StaleLogin, scenarios: refusedLogin()},
	} {
		t.Run(p.name, func(t *testing.T) { p.test(t, e, c, rows) })
	}
	if world.Full() && !t.Failed() && len(rows.rows) == len(goodLogin())+len(refusedLogin())+len(cancellations()) {
		require.NoError(t, readme.Write("faults", rows.String(partGood, partRefused, partCancel)))
	}
}

// goodLogin are faults under a login that the registry takes.
func goodLogin() []scenario {
	const outage, client, builder = "HOST returned a server error or an invalid response", "no connection to HOST from the client", "no connection to HOST from the builder"
	return []scenario{
		{name: "token service answers 503", fault: always(status503(), token), words: outage + " (\"unavailable: maintenance\")", fast: true},
		{name: "token service answers 503 once", fault: times(1, status503(), token)},
		{name: "token service answers 429", fault: always(harness.FaultRetryAfter(1), token), words: "the rate limit of HOST is exceeded (\"toomanyrequests: slow down\")"},
		{name: "token service breaks the connection", fault: always(harness.FaultReset(), token), words: client},
		{name: "token service answers after 30 s", fault: always(harness.FaultDelay(30*time.Second), token, get)},
		{name: "token service never answers", fault: always(harness.FaultHang(), token), words: "no response from HOST in time"},
		{name: "token cut off", fault: always(harness.FaultShort(20), token), words: outage + " (\"unable to decode token response: unexpected EOF\")"},
		{name: "token broken off", fault: always(harness.FaultCut(20), token), words: outage + " (\"unable to decode token response: "},
		{name: "token service answers HTML", fault: always(page(), token), words: outage + " (\"unable to decode token response: invalid character '<'"},
		{name: "manifest 429, Retry-After", fault: always(harness.FaultRetryAfter(1), manifest), words: "the rate limit of HOST is exceeded (\"429 Too Many Requests\")"},
		{name: "manifest 429 once", fault: times(1, harness.FaultRetryAfter(1), manifest)},
		{name: "manifest 503", fault: always(status503(), manifest), words: outage + " (\"503 Service Unavailable\")"},
		{name: "manifest 503 once", fault: times(1, status503(), manifest)},
		{name: "manifest 503 twice", fault: times(2, status503(), manifest), words: outage + " (\"503 Service Unavailable\")"},
		{name: "manifest: connection reset", fault: always(harness.FaultReset(), manifest), words: builder + " (\"EOF\")"},
		{name: "manifest: connection reset once", fault: times(1, harness.FaultReset(), manifest)},
		{name: "manifest broken off in the middle", fault: always(harness.FaultCut(20), manifest, get), words: builder + " (\"short read: expected "},
		{name: "manifest broken off once", fault: times(1, harness.FaultCut(20), manifest, get)},
		{name: "manifest is half the JSON", fault: always(harness.FaultShort(20), manifest, get), words: builder + " (\"short read: expected "},
		{name: "manifest is HTML", fault: always(page(), manifest), words: outage + " (\""},
		{name: "content of the manifest is HTML", fault: always(page(), manifest, get), words: builder + " (\"short read: expected "},
		{name: "Docker-Content-Digest of nothing", fault: always(harness.FaultHeader("Docker-Content-Digest", wrongDigest), manifest, byTag), words: "HOST has no such image or tag"},
		{name: "Docker-Content-Digest of other content", fault: otherDigest, seen: sawOther},
		{name: "Docker-Content-Digest is no digest", fault: always(harness.FaultHeader("Docker-Content-Digest", "sha256:beef"), manifest, byTag), words: outage + ` ("'sha256:beef' in header not a valid digest`},
		{name: "layer broken off in the middle", fault: onLayer(often, plain(harness.FaultCut(layerSize/3)))},
		{name: "layer broken off once", fault: onLayer(1, plain(harness.FaultCut(layerSize/3))), seen: resumed, fast: true},
		{name: "layer: connection reset", fault: onLayer(often, plain(harness.FaultReset())), words: builder + " (\"EOF\")"},
		{name: "layer 503", fault: onLayer(often, plain(status503())), words: outage + " (\"503 Service Unavailable"},
		{name: "layer 503, no step", fault: onLayer(often, plain(status503())), words: "503 Service Unavailable", exported: true},
		{name: "layer 503 once", fault: onLayer(1, plain(status503()))},
		{name: "manifest garbled", fault: always(harness.FaultGarble(), manifest, get), words: outage + " (\""},
		{name: "layer garbled", fault: onLayer(often, plain(harness.FaultGarble())), words: outage + " (\""},
		{name: "layer is HTML", fault: onLayer(often, plain(page())), words: builder + " (\"short read: expected "},
		{name: "token expires during the layer", fault: onLayer(1, expire), seen: resumed},
		{name: "tag moved before the layer", fault: onLayer(1, move), seen: pinned},
	}
}

// refusedLogin are faults that hit the try without credentials, after the login
// was refused.
func refusedLogin() []scenario {
	const way = "HOST rejected the stored credentials (\"denied\"); the anonymous fallback failed (\""
	const limit = "HOST rejected the stored credentials (\"denied\"); the anonymous fallback exceeded the rate limit (\"429 Too Many Requests\")"
	return nobodys([]scenario{
		{name: "token service answers 503", fault: always(status503(), token), words: way + "503 Service Unavailable\")"},
		{name: "token service answers 503 once", fault: times(1, status503(), token), fast: true},
		{name: "token service answers 429", fault: always(harness.FaultRetryAfter(1), token), words: limit, seen: onceAnonymous},
		{name: "token service breaks the connection", fault: always(harness.FaultReset(), token), words: way},
		{name: "token service answers after 30 s", fault: always(harness.FaultDelay(30*time.Second), token, get)},
		{name: "token service never answers", fault: always(harness.FaultHang(), token), words: way + "i/o timeout: no response within a minute\")"},
		{name: "manifest never answers", fault: always(harness.FaultHang(), manifest), words: way + "i/o timeout: no response within a minute\")"},
		{name: "token cut off", fault: always(harness.FaultShort(20), token), words: way + "unable to decode token response: unexpected EOF\")"},
		{name: "token service answers HTML", fault: always(page(), token), words: way + "unable to decode token response: invalid character '<'"},
		{name: "manifest 429, Retry-After", fault: always(harness.FaultRetryAfter(1), manifest), words: limit},
		{name: "manifest 429 once", fault: times(1, harness.FaultRetryAfter(1), manifest)},
		{name: "manifest 503", fault: always(status503(), manifest), words: way + "503 Service Unavailable\")"},
		{name: "manifest 503 five times", fault: times(5, status503(), manifest)},
		{name: "manifest: connection reset", fault: always(harness.FaultReset(), manifest), words: way + "EOF\")"},
		{name: "manifest: connection reset once", fault: times(1, harness.FaultReset(), manifest)},
		{name: "manifest broken off in the middle", fault: always(harness.FaultCut(20), manifest, get), words: way + "short read: expected "},
		{name: "manifest broken off once", fault: times(1, harness.FaultCut(20), manifest, get)},
		{name: "manifest is half the JSON", fault: always(harness.FaultShort(20), manifest, get), words: way + "short read: expected "},
		{name: "content of the manifest is HTML", fault: always(page(), manifest, get), words: way + "short read: expected "},
		{name: "manifest is HTML", fault: always(page(), manifest), words: way},
		{name: "manifest garbled", fault: always(harness.FaultGarble(), manifest, get), words: way + "failed commit"},
		{name: "Docker-Content-Digest of nothing", fault: always(harness.FaultHeader("Docker-Content-Digest", wrongDigest), manifest, byTag), words: "HOST rejected the stored credentials (\"denied\"); the anonymous fallback found no such image"},
		{name: "Docker-Content-Digest is no digest", fault: always(harness.FaultHeader("Docker-Content-Digest", "sha256:beef"), manifest, byTag), words: way + `'sha256:beef' in header not a valid digest`},
		{name: "layer broken off in the middle", fault: onLayer(often, plain(harness.FaultCut(layerSize/3)))},
		{name: "layer broken off once", fault: onLayer(1, plain(harness.FaultCut(layerSize/3))), seen: resumed},
		{name: "layer: connection reset", fault: onLayer(often, plain(harness.FaultReset())), words: way + "EOF\")"},
		{name: "layer 503 once", fault: onLayer(1, plain(status503()))},
		{name: "token expires during the layer", fault: onLayer(1, expire), seen: renewed, fast: true},
		{name: "tag moved before the layer", fault: onLayer(1, move), seen: pinned, fast: true},
	})
}

// expire makes the token of a request unknown while its answer is under way.
func expire(s *site) harness.Fault {
	return harness.FaultThen(s.RevokeTokens, harness.FaultCut(layerSize/3))
}

// move gives the tag to another image.
func move(s *site) harness.Fault {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		digest, err := s.push("1", noise(s.host+"-moved"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError) // the layer cannot be had, and the test fails
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.other = digest
		return err != nil
	}
}

// otherDigest: for the tag, the registry names an image that it has under another.
func otherDigest(s *site) harness.Fault {
	s.content = noise(s.name + "-other")
	return harness.FaultWhen(is(manifest, byTag), harness.FaultHeader("Docker-Content-Digest", s.other))
}

// resumed: the rest of the layer was asked for, not all of it.
func resumed(t *testing.T, s *site, _ *run) {
	t.Helper()
	partial := s.Requests().Blobs().Where(func(r harness.Request) bool { return r.Status == http.StatusPartialContent })
	require.NotEmpty(t, partial, "%s", s.Requests())
}

// renewed: so it was, with a second anonymous token.
func renewed(t *testing.T, s *site, r *run) {
	t.Helper()
	resumed(t, s, r)
	anonymous := func(r harness.Request) bool { return r.Auth.Anonymous() && r.Status == http.StatusOK }
	require.Len(t, s.Requests().Tokens().Where(anonymous), 2, "%s", s.Requests())
	for _, q := range s.Requests().Blobs() {
		require.Equal(t, strings.ToUpper(s.host), q.Host)
	}
}

// pinned: what was resolved was built, and nothing else asked for.
func pinned(t *testing.T, s *site, r *run) {
	t.Helper()
	require.Equal(t, s.digest, r.reported(t), "the report names what was built")
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotEqual(t, s.digest, s.other)
	for _, q := range s.Requests().Manifests() {
		require.NotEqual(t, s.other, q.Reference)
	}
}

// sawOther: the digest in the header counts, as with upstream.
func sawOther(t *testing.T, s *site, r *run) {
	t.Helper()
	require.Equal(t, s.other, r.reported(t))
}

// onceAnonymous: a limit is not run against again.
func onceAnonymous(t *testing.T, s *site, _ *run) {
	t.Helper()
	require.Len(t, s.Requests().Tokens().Where(func(r harness.Request) bool { return r.Auth.Anonymous() }), 1, "%s", s.Requests())
}
