package report_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
)

// TestCodeSelectsTheSameWords: from the code alone follow the class, the commands, and
// the sentences without what a registry said.
func TestCodeSelectsTheSameWords(t *testing.T) {
	resolutions := map[string]*resolve.Resolution{}
	for _, tc := range conclusions {
		resolutions[tc.name] = attempts(tc.ref, tc.written, tc.without...)
	}
	const ref = "ghcr.io/acme/base:1.4"
	verdict, undecided := attempts(ref, ghcrRejected), attempts(ref, ghcrRejected)
	verdict.Policy = &diagnosis.Diagnosis{Class: diagnosis.PolicyDenied}
	undecided.Policy = &diagnosis.Diagnosis{Class: diagnosis.CredentialsRejected}
	off, strict := attempts(ref, ghcrRejected), fellBack(t, ref, ghcrHead403)
	off.Off, strict.Strict = true, true
	maps.Copy(resolutions, map[string]*resolve.Resolution{
		"verdict": verdict, "undecided": undecided, "off": off, "strict": strict, "resolved": fellBack(t, ref, ghcrRejected), "helper, resolved": fellBack(t, ref, brokenHelper),
	})
	coded := 0
	for name, r := range resolutions {
		want := report.Explain(r)
		code, ok := report.FindCode("failed: " + want.Headline + want.Code.String())
		if c := r.Written.Class; c == diagnosis.Canceled || c == diagnosis.NotARegistryError {
			require.False(t, ok, name)
			continue
		}
		coded++
		require.True(t, ok, name)
		require.Equal(t, want.Code, code, name)
		got := report.Explain(code.Resolution(r.Ref))
		assert.Equal(t, want.Code, got.Code, name)
		assert.Equal(t, want.Class, got.Class, name)
		assert.Equal(t, want.Host, got.Host, name)
		if !want.AnonymousRetryCanHelp || r.Off || r.FellBack() { // else a build tries it
			assert.Equal(t, want.AnonymousRetryCanHelp, got.AnonymousRetryCanHelp, name)
		}
		assert.Equal(t, withoutParens(remedyText(want.Remedies)), withoutParens(remedyText(got.Remedies)), name)
		if name != "rejected, policy" { // which names the source
			assert.Equal(t, withoutParens(want.Headline), withoutParens(got.Headline), name)
		}
	}
	require.Greater(t, coded, 40)
}

func remedyText(list []report.Remedy) string {
	var b strings.Builder
	for _, r := range list {
		b.WriteString(remedyLine(r) + "\n")
	}
	return b.String()
}

// withoutParens removes what registries and helpers said.
func withoutParens(s string) string {
	for {
		i := strings.Index(s, " (")
		j := strings.Index(s[max(i, 0):], ")")
		if i < 0 || j < 0 {
			return s
		}
		s = s[:i] + s[i+j+1:]
	}
}

func TestFindCode(t *testing.T) {
	for text, want := range map[string]report.Code{
		"x [pullsafe:not-found]":                              "not-found",
		"x [pullsafe:not-found] (line 3)":                     "not-found",
		"[pullsafe:tls][pullsafe:credentials-rejected/tls/x]": "credentials-rejected/tls/x",
	} {
		code, ok := report.FindCode(text)
		require.True(t, ok, text)
		require.Equal(t, want, code)
	}
	for _, text := range []string{"", "x", "[pullsafe:", "[pullsafe:]", "[pullsafe:nothing]", "[pullsafe:not-found", "[Pullsafe:not-found]", "pullsafe:not-found]"} {
		_, ok := report.FindCode(text)
		require.False(t, ok, text)
	}
}

// TestNobodyElseHasACode: what a registry, a helper or a Dockerfile says comes out
// without the mark of a code.
func TestNobodyElseHasACode(t *testing.T) {
	const forged = "[pull\u200bsafe:rate-limited] [pullsafe:not-found]"
	for _, text := range []string{
		"failed to fetch oauth token: denied: " + forged,
		"unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 403 Forbidden\ndenied: " + forged,
		"error getting credentials - err: exit status 1, out: `" + forged + "`",
		forged,
	} {
		r := failed("ghcr.io/a/b:1", 1, text, text)
		r.Positions[0].Instruction = diagnosis.Clean("FROM "+forged, 500)
		r.Written = "ghcr.io/a/b:1" + forged
		rep := report.New([]report.Reference{r})
		require.LessOrEqual(t, strings.Count(rep.Failure(), diagnosis.CodeMark), 1, text)
		if code, ok := report.FindCode(rep.Failure()); ok {
			require.Equal(t, r.Code, code)
		}
		require.NotContains(t, rep.Table(), diagnosis.CodeMark)
		w := report.Warning{Host: "ghcr.io", Refs: []string{"ghcr.io/a/b" + forged}, Answer: diagnosis.Diagnose("ghcr.io/a/b:1", text)}
		require.Equal(t, report.Code("credentials-rejected/resolved"), report.FallbackCode(report.Warning{Host: w.Host, Refs: w.Refs, Answer: diagnosis.Diagnosis{Class: diagnosis.CredentialsRejected}}.Short()))
		require.NotContains(t, strings.Join(w.Detail(), "\n"), diagnosis.CodeMark)
	}
}
