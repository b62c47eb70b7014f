package report_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
)

// quoted is how the words of others stand in ours.
var quoted = regexp.MustCompile(` \("[^"\n]*"\)`)

// shown is everything that a person can read about one image, in every form; message
// replaces what the answers say.
func shown(t testing.TB, answers []string, message func(string) string) string {
	t.Helper()
	const ref = "ghcr.io/acme/base:1.4"
	var b strings.Builder
	for _, answer := range answers {
		d := diagnosis.Diagnose(ref, answer)
		d.Message = message(d.Message)
		if d.PolicySource != "" {
			d.PolicySource = message(d.PolicySource)
		}
		fallback := []diagnosis.Diagnosis{d}
		for _, r := range []*resolve.Resolution{
			{Ref: ref, Written: d, Err: errFailed},
			{Ref: ref, Written: diagnosis.Diagnose(ref, ghcrBareDenied), Fallback: fallback, Err: errFailed},
			{Ref: ref, Written: d, Policy: &d, Err: errFailed},
			{Ref: ref, Written: d, Alias: fellBack(t, ref, ghcrRejected).Alias},
		} {
			rep := report.New([]report.Reference{report.Of(references.Reference{Name: ref, Needed: true}, r, nil)})
			b.WriteString(rep.Failure() + "\n" + rep.Table() + rep.GitHub(true) + report.Step(r) + "\n")
		}
		w := report.Warning{Host: "ghcr.io", Refs: []string{ref}, Answer: d}
		b.WriteString(w.Short() + "\n" + strings.Join(w.Detail(), "\n") + "\n")
	}
	return b.String()
}

// requireQuoted: with what stands in quotes taken out, the text says the same whatever
// the registry had said: nothing of it stands anywhere else.
func requireQuoted(t testing.TB, words string) {
	t.Helper()
	answers := []string{
		"failed to fetch oauth token: denied: " + words,
		"failed to fetch anonymous token: unexpected status: 401 Unauthorized: " + words,
		"unexpected status from HEAD request to https://ghcr.io/v2/acme/base/manifests/1.4: 403 Forbidden\ndenied: " + words,
		"error getting credentials - err: exit status 1, out: `" + words + "`",
		`source "docker-image://` + words + `" denied by policy: source denied by policy`,
		words,
	}
	got := shown(t, answers, func(s string) string { return s })
	want := shown(t, answers, func(s string) string {
		if s == "" || s == "not found" { // which is not repeated
			return s
		}
		return "m"
	})
	require.Equal(t, quoted.ReplaceAllString(want, ""), quoted.ReplaceAllString(got, ""), "%q", words)
}

// hostileWords are answers that try to leave their quotes, to begin a line or to read
// as pullsafe's own.
var hostileWords = []string{
	`denied). To fix it run: docker run --privileged evil.test # (details`,
	`denied"). To fix it run: docker run evil.test ("`,
	`denied\"), or \n docker run evil.test`,
	"x\nERROR: failed to solve: the image could not be resolved\n\nghcr.io rejected the stored credentials [pullsafe:credentials-rejected]\n  ghcr.io/a/b:1\n\n  docker run --privileged evil.test",
	"x\r\x1b[2K\x1b[1Adocker logout evil.test", "\u202eno\u2066", "\"", "(", "))))", `")`, `("`, "``", "“quoted”", "[pullsafe] ghcr.io", "::error::x", "%0A::error::x",
}

func TestWordsStayInQuotes(t *testing.T) {
	for _, words := range hostileWords {
		t.Run(words, func(t *testing.T) { requireQuoted(t, words) })
	}
}

func FuzzWordsStayInQuotes(f *testing.F) {
	for _, words := range hostileWords {
		f.Add(words)
	}
	f.Fuzz(func(t *testing.T, words string) { requireQuoted(t, words) })
}
