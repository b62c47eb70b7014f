package report_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
)

const (
	ghcrRejected   = `failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=x&service=ghcr.io: 403 Forbidden: denied`
	ghcrBareDenied = `failed to fetch oauth token: denied: denied`
	ghcrAnonymous  = `failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=x&service=ghcr.io: 401 Unauthorized`
	ghcrHead403    = `unexpected status from HEAD request to https://ghcr.io/v2/acme/base/manifests/1.4: 403 Forbidden`
	brokenHelper   = "error getting credentials - err: exec: \"docker-credential-desktop\": executable file not found in $PATH, out: ``"
	silentHelper   = "error getting credentials - err: exit status 1, out: ``"
	lockedHelper   = "error getting credentials - err: exit status 1, out: `Cannot autolaunch D-Bus without X11 $DISPLAY`"
	policyOnAlias  = `could not resolve image due to policy: source "docker-image://GHCR.IO:443/acme/base:1.4" denied by policy: source denied by policy`
)

// conclusions is the truth table: what was answered as written, what without
// credentials, in order.
var conclusions = []struct {
	name, ref, written string
	without            []string
}{
	{"rejected", "ghcr.io/acme/base:1.4", ghcrRejected, nil},
	{"rejected, refused too", "ghcr.io/acme/base:1.4", ghcrRejected, []string{ghcrAnonymous}},
	{"rejected without status, refused too", "ghcr.io/acme/base:1.4", ghcrBareDenied, []string{ghcrAnonymous}},
	{"rejected, second spelling refused", "ghcr.io/acme/base:1.4", ghcrBareDenied, []string{`failed to do request: Head "https://GHCR.IO:443/v2/acme/base/manifests/1.4": tls: handshake failure`, ghcrAnonymous}},
	{"rejected, refused without saying who", "ghcr.io/acme/base:1.4", ghcrRejected, []string{ghcrHead403}},
	{"rejected, missing", "ghcr.io/acme/base:1.4", ghcrRejected, []string{`GHCR.IO:443/acme/base:1.4: not found`}},
	{"rejected, helper answers", "ghcr.io/acme/base:1.4", ghcrRejected, []string{ghcrBareDenied, ghcrBareDenied}},
	{"rejected, policy", "ghcr.io/acme/base:1.4", ghcrRejected, []string{policyOnAlias}},
	{"rejected, anonymous limit", "docker.io/acme/base:1.4", `failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?service=registry.docker.io: 401 Unauthorized: incorrect username or password`, []string{"unexpected status from HEAD request to https://REGISTRY-1.DOCKER.IO/v2/acme/base/manifests/1.4: 429 Too Many Requests"}},
	{"rejected, network", "ghcr.io/acme/base:1.4", ghcrRejected, []string{`failed to do request: Head "https://GHCR.IO:443/v2/acme/base/manifests/1.4": dial tcp: lookup GHCR.IO: i/o timeout`}},
	{"rejected, outage", "ghcr.io/acme/base:1.4", ghcrRejected, []string{`unexpected status from HEAD request to https://GHCR.IO:443/v2/acme/base/manifests/1.4: 503 Service Unavailable`}},
	{"rejected, TLS", "reg.example.com/base", ghcrBareDenied, []string{`failed to do request: Head "https://REG.EXAMPLE.COM/v2/base/manifests/latest": tls: failed to verify certificate: x509: certificate signed by unknown authority`}},
	{"rejected, platform", "ghcr.io/acme/base:1.4", ghcrRejected, []string{`no match for platform in manifest sha256:aa: not found`}},
	{"rejected, canceled", "ghcr.io/acme/base:1.4", ghcrRejected, []string{`context canceled`}},
	{"rejected, helper fails", "gcr.io/acme/base:1.4", ghcrBareDenied, []string{silentHelper, silentHelper}},
	{"rejected, alias redirected back", "reg.example.com/base", ghcrBareDenied, []string{`failed to do request: Head "https://reg.example.com/v2/base/manifests/latest": failed to authorize redirect: failed to fetch oauth token: denied: denied`}},
	{"rejected, alias redirected in a circle", "reg.example.com/base", ghcrBareDenied, []string{`failed to do request: Head "https://reg.example.com/v2/base/manifests/latest": stopped after 10 redirects`}},
	{"rejected, alias redirected elsewhere", "reg.example.com/base", ghcrBareDenied, []string{`failed to do request: Head "https://other.example.com/v2/base/manifests/latest": dial tcp: lookup other.example.com: no such host`}},
	{"rejected, no alias served", "reg.example.com/base", ghcrBareDenied, []string{`unexpected status from HEAD request to https://REG.EXAMPLE.COM/v2/base/manifests/latest: 421 Misdirected Request`}},
	{"rejected, server name", "reg.example.com/base", ghcrBareDenied, []string{`failed to do request: Head "https://REG.EXAMPLE.COM/v2/base/manifests/latest": remote error: tls: unrecognized name`}},
	{"rejected, bad request", "reg.example.com/base", ghcrBareDenied, []string{`unexpected status from HEAD request to https://REG.EXAMPLE.COM/v2/base/manifests/latest: 400 Bad Request`}},
	{"ambiguous", "reg.example.com/base", `unexpected status from HEAD request to https://reg.example.com/v2/base/manifests/latest: 401 Unauthorized`, nil},
	{"ambiguous, refused too", "ghcr.io/acme/base:1.4", ghcrHead403, []string{ghcrAnonymous}},
	{"ambiguous, helper answers", "public.ecr.aws/acme/base", `unexpected status from HEAD request to https://public.ecr.aws/v2/acme/base/manifests/latest: 403 Forbidden`, []string{brokenHelper}},
	{"ambiguous, no login needed", "mcr.microsoft.com/dotnet/sdk:8.0", `unexpected status from HEAD request to https://mcr.microsoft.com/v2/dotnet/sdk/manifests/8.0: 403 Forbidden`, nil},
	{"hopeless", "us-docker.pkg.dev/p/r/a", `failed to fetch oauth token: denied: This API method requires billing to be enabled. Please enable billing on project #x by visiting https://console.developers.google.com/billing/enable?project=x then retry.`, nil},
	{"private only", "1.dkr.ecr.eu-west-1.amazonaws.com/a", `failed to fetch oauth token: denied: Your authorization token has expired. Reauthenticate and try again.`, nil},
	{"helper", "ghcr.io/acme/base:1.4", brokenHelper, nil},
	{"helper, helper", "ghcr.io/acme/base:1.4", lockedHelper, []string{lockedHelper, lockedHelper}},
	{"helper, silent", "gcr.io/acme/base:1.4", silentHelper, []string{silentHelper}},
	{"helper, credentials for the alias", "ghcr.io/acme/base:1.4", lockedHelper, []string{ghcrBareDenied}},
	{"helper, refused", "ghcr.io/acme/base:1.4", brokenHelper, []string{ghcrAnonymous}},
	{"anonymous", "nvcr.io/acme/base:1.4", `failed to fetch anonymous token: unexpected status: 401 Unauthorized`, nil},
	{"anonymous at Docker Hub", "alpine", `failed to fetch anonymous token: unexpected status: 401 Unauthorized`, nil},
	{"anonymous at a public registry", "registry.access.redhat.com/ubi9", `failed to fetch anonymous token: unexpected status: 401 Unauthorized`, nil},
	{"limit of an account", "alpine", "unexpected status from GET request to https://registry-1.docker.io/v2/library/alpine/manifests/3: 429 Too Many Requests\ntoomanyrequests: You have reached your pull rate limit as 'bob': dckr_jti_abcd. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit", nil},
	{"limit", "alpine", "unexpected status from HEAD request to https://registry-1.docker.io/v2/library/alpine/manifests/3: 429 Too Many Requests", nil},
	{"not found", "alpine:nope", "docker.io/library/alpine:nope: not found", nil},
	{"platform", "alpine", "no match for platform in manifest sha256:aa: not found", nil},
	{"network of the client", "alpine", `failed to fetch oauth token: Post "https://auth.docker.io/token": dial tcp 1.2.3.4:443: i/o timeout`, nil},
	{"network of the daemon", "127.0.0.1:5000/a", `failed to do request: Head "https://127.0.0.1:5000/v2/a/manifests/latest": dial tcp 127.0.0.1:5000: connect: connection refused`, nil},
	{"no answer", "ghcr.io/acme/base:1.4", "context deadline exceeded", nil},
	{"TLS", "reg.example.com/a", `failed to do request: Head "https://reg.example.com/v2/a/manifests/latest": http: server gave HTTP response to HTTPS client`, nil},
	{"outage", "mcr.microsoft.com/a", `unexpected status from HEAD request to https://mcr.microsoft.com/v2/a/manifests/8.0: 503 Service Unavailable`, nil},
	{"policy", "ghcr.io/acme/base:1.4", `could not resolve image due to policy: source "docker-image://ghcr.io/acme/base:1.4" denied by policy: source denied by policy`, nil},
	{"policy of the registry", "acme/base", `Error response from daemon: Head "https://registry-1.docker.io/v2/acme/base/manifests/1": denied: image access restricted: acme/base blocked for organization X`, nil},
	{"mirror without the image", "alpine", "unexpected status from HEAD request to https://mirror.example.com/v2/library/alpine/manifests/3?ns=docker.io: 404 Not Found", nil},
	{"mirror that cannot be reached", "ghcr.io/acme/base:1.4", `failed to do request: Head "https://mirror.example.com/v2/acme/base/manifests/1.4?ns=ghcr.io": dial tcp: lookup mirror.example.com: no such host`, nil},
	{"mirror that denies", "ghcr.io/acme/base:1.4", "unexpected status from HEAD request to https://mirror.example.com/v2/acme/base/manifests/1.4?ns=ghcr.io: 403 Forbidden", nil},
	{"mirror without TLS", "alpine", `failed to do request: Head "https://mirror.example.com/v2/library/alpine/manifests/3?ns=docker.io": http: server gave HTTP response to HTTPS client`, nil},
	{"mirror that fails", "alpine", "unexpected status from HEAD request to https://mirror.example.com/v2/library/alpine/manifests/3?ns=docker.io: 502 Bad Gateway", nil},
	{"redirect in a circle", "reg.example.com/base", `failed to do request: Head "https://reg.example.com/v2/base/manifests/latest": stopped after 10 redirects`, nil},
	{"reference", "A", `failed to parse stage name "A": invalid reference format: repository name must be lowercase`, nil},
	{"canceled", "alpine", `context canceled`, nil},
	{"unknown", "alpine", `something new went wrong`, nil},
}

// attempts are the answers about ref: as written, then of the anonymous fallback.
func attempts(ref, written string, fallback ...string) *resolve.Resolution {
	r := &resolve.Resolution{Ref: ref, Written: diagnosis.Diagnose(ref, written)}
	for _, text := range fallback {
		r.Fallback = append(r.Fallback, diagnosis.Diagnose(ref, text))
	}
	return r
}

// fellBack is what the anonymous fallback resolved after an answer.
func fellBack(t testing.TB, ref, written string) *resolve.Resolution {
	t.Helper()
	r := attempts(ref, written)
	named, err := reference.ParseNormalizedNamed(ref)
	require.NoError(t, err)
	r.Alias = named
	return r
}

func TestExplain(t *testing.T) {
	var b strings.Builder
	for _, tc := range conclusions {
		r := attempts(tc.ref, tc.written, tc.without...)
		c := report.Explain(r)
		written, last := r.Written.Message, ""
		if d, ok := r.Decisive(); ok {
			last = d.Message
		}
		fmt.Fprintf(&b, "## %s\n%s\n[%s] written: %q without: %q\n", tc.name, c.Headline, c.Class, written, last)
		for _, r := range c.Remedies {
			b.WriteString("  " + remedyLine(r) + "\n")
		}
		b.WriteString("\n")

		assert.NotNil(t, c.Remedies, tc.name)
		assert.LessOrEqual(t, len(c.Remedies), 4, tc.name)
		assert.NotContains(t, c.Headline, "failed to fetch", tc.name)
		assert.NotContains(t, c.Headline, "\n", tc.name)
		assert.NotContains(t, strings.ReplaceAll(c.Headline, written, ""), "expired", tc.name)
		if written != "" && tc.ref != "" {
			assert.NotContains(t, strings.ReplaceAll(c.Headline, "docker-image://GHCR.IO:443/acme/base:1.4", ""), "acme/base:1.4 ", tc.name)
		}
	}
	golden(t, "conclusions.golden", b.String())
}

func remedyLine(r report.Remedy) string {
	if r.Command == "" {
		return "- " + r.Note
	}
	return strings.TrimSuffix(fmt.Sprintf("$ %s    # %s", r.Command, r.Note), "    # ")
}

func TestExplainNeverCallsHelpersAnswerPrivate(t *testing.T) {
	c := report.Explain(attempts("ghcr.io/a/b", ghcrRejected, ghcrBareDenied))
	assert.NotContains(t, c.Headline, "private")
	assert.Contains(t, c.Headline, "credentials were sent for the host alias too")
	c = report.Explain(attempts("ghcr.io/a/b", ghcrHead403, ghcrAnonymous))
	assert.NotContains(t, c.Headline, "stored credentials")
}

func TestWarning(t *testing.T) {
	uv := []string{"ghcr.io/astral-sh/uv:0.7.1"}
	many := []string{"ghcr.io/a/1", "ghcr.io/a/2", "ghcr.io/a/3", "ghcr.io/a/4", "ghcr.io/a/5"}
	var b strings.Builder
	for _, tc := range []struct {
		host string
		refs []string
		text string
	}{
		{"ghcr.io", uv, ghcrRejected},
		{"ghcr.io", many, ghcrBareDenied},
		{"ghcr.io", uv, ghcrHead403},
		{"ghcr.io", uv, brokenHelper},
		{"docker.io", []string{"alpine:3"}, `failed to fetch oauth token: 401 Unauthorized: incorrect username or password`},
		{"127.0.0.1:5000", []string{"127.0.0.1:5000/a"}, `unexpected status from HEAD request to https://127.0.0.1:5000/v2/a/manifests/latest: 401 Unauthorized`},
	} {
		w := report.Warning{Host: tc.host, Refs: tc.refs, Answer: diagnosis.Diagnose(tc.refs[0], tc.text)}
		short := w.Short()
		b.WriteString(short + "\n")
		for _, line := range w.Detail() {
			b.WriteString("  " + line + "\n")
		}
		b.WriteString("\n")
		assert.NotContains(t, short, "\n")
	}
	golden(t, "warning.golden", b.String())
	assert.Equal(t, "ghcr.io rejected the stored credentials; resolved ghcr.io/astral-sh/uv:0.7.1 without them. Run: docker logout ghcr.io",
		report.Warning{Host: "ghcr.io", Refs: uv, Answer: diagnosis.Diagnose(uv[0], ghcrRejected)}.Short())
}

func TestExplainFallback(t *testing.T) {
	var b strings.Builder
	for _, tc := range []struct{ name, ref, written string }{
		{"refused", "ghcr.io/acme/base:1.4", ghcrBareDenied},
		{"refused by Docker Hub", "alpine", "failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?scope=x: 401 Unauthorized: incorrect username or password"},
		{"ambiguous", "ghcr.io/acme/base:1.4", ghcrHead403},
		{"helper", "ghcr.io/acme/base:1.4", "error getting credentials - err: exec: \"docker-credential-desktop\": executable file not found in $PATH, out: ``"},
	} {
		c := report.Explain(fellBack(t, tc.ref, tc.written))
		fmt.Fprintf(&b, "## %s\n%s\n", tc.name, c.Headline)
		for _, r := range c.Remedies {
			b.WriteString("  " + remedyLine(r) + "\n")
			assert.NotContains(t, r.Command, "docker login", tc.name)
		}
		b.WriteString("\n")
	}
	golden(t, "fallback.golden", b.String())
}

func TestExplainPolicy(t *testing.T) {
	refused := diagnosis.Diagnose("ghcr.io/acme/base:1.4", ghcrBareDenied)
	denied := diagnosis.Diagnose("ghcr.io/acme/base:1.4", `source "docker-image://ghcr.io/acme/base:1.4@sha256:aa" not allowed by policy: action DENY`)
	var b strings.Builder
	for _, policy := range []diagnosis.Diagnosis{denied, refused} {
		c := report.Explain(&resolve.Resolution{Ref: "ghcr.io/acme/base:1.4", Written: refused, Policy: &policy})
		assert.Contains(t, c.Headline, "policy")
		b.WriteString(c.Headline + "\n")
	}
	golden(t, "policy.golden", b.String())
}

func TestExplainControls(t *testing.T) {
	headline := func(r *resolve.Resolution, off, strict bool) string {
		r.Off, r.Strict = off, strict
		return report.Explain(r).Headline
	}
	const ref = "ghcr.io/acme/base:1.4"
	assert.Contains(t, headline(attempts(ref, ghcrBareDenied), true, false), "switched off")
	assert.NotContains(t, headline(attempts(ref, ref+": not found"), true, false), "switched off", "it would not have helped")
	assert.Contains(t, headline(fellBack(t, ref, ghcrBareDenied), false, true), "strict")
	assert.NotContains(t, headline(fellBack(t, ref, ghcrBareDenied), false, false), "strict")
}

func TestStep(t *testing.T) {
	assert.Equal(t, "[pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io. Resolved ghcr.io/acme/base:1.4 without them",
		report.Step(fellBack(t, "ghcr.io/acme/base:1.4", ghcrBareDenied)))
	assert.Contains(t, report.Step(fellBack(t, "ghcr.io/acme/base:1.4", ghcrHead403)), " without credentials stored for ghcr.io [pullsafe:denied-ambiguous/resolved]")
}

func TestExplainSingle(t *testing.T) {
	c := report.ExplainSingle(diagnosis.Diagnose("ghcr.io/a/b:1", ghcrBareDenied), "ghcr.io/a/b:1")
	assert.Equal(t, "ghcr.io rejected the stored credentials (\"denied\")", c.Headline)
	assert.Contains(t, c.Open, "does not show")
	assert.Equal(t, "docker logout ghcr.io", c.Remedies[0].Command)
	assert.Equal(t, "docker pull ghcr.io/a/b:1", c.Remedies[1].Command)
	assert.Contains(t, c.Remedies[2].Command, "docker login ghcr.io")

	c = report.ExplainSingle(diagnosis.Diagnose("ghcr.io/a/b:1", ghcrHead403), "ghcr.io/a/b:1")
	assert.NotContains(t, c.Headline, "private")
	assert.NotContains(t, c.Headline, "stored credentials")
	assert.Contains(t, c.Open, "whether credentials were sent")

	for _, text := range []string{ghcrAnonymous, brokenHelper, "ghcr.io/a/b:1: not found"} {
		c = report.ExplainSingle(diagnosis.Diagnose("ghcr.io/a/b:1", text), "ghcr.io/a/b:1")
		assert.Empty(t, c.Open)
		assert.Subset(t, c.Remedies, report.Explain(attempts("ghcr.io/a/b:1", text)).Remedies)
	}
}

// TestPushIsNotMended by a logout: the scope of a push needs a login.
func TestPushIsNotMended(t *testing.T) {
	const text = `ERROR: failed to build: failed to solve: failed to push ghcr.io/a/b:1: denied: permission_denied: write_package`
	for _, r := range report.ExplainSingle(diagnosis.Diagnose("", text), "").Remedies {
		assert.NotContains(t, r.Command, "logout")
	}
}
