package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
)

// secretForms are the ways in which a secret can stand in the text of a registry,
// of a helper or of BuildKit itself.
var secretForms = []string{
	"Authorization: Bearer SECRET", "Authorization: Basic SECRET", "authorization=SECRET", `"Authorization":["Bearer SECRET"]`, "X-Registry-Auth: SECRET",
	"https://cdn.test/v2/blobs/x?X-Amz-Signature=SECRET", "https://cdn.test/x?a=b&sig=SECRET&c=d", "https://cdn.test/x#SECRET", "https://SECRET@reg.test/v2/",
	"https://me:SECRET@reg.test/v2/", `Get "https://cdn.test/x?token=SECRET": EOF`, "password=SECRET", `{"password":"SECRET"}`, `{"access_token":"SECRET"}`,
	`{\"refresh_token\":\"SECRET\"}`, "bearer SECRET", "token=SECRET", "client_secret=SECRET", "api_key=SECRET", "ghp_SECRET", "github_pat_SECRET",
	"dckr_pat_SECRET", "glpat-SECRET", "eyJhbGciOi.SECRET.sig", "npm_SECRET", "AKIASECRET", "Signature=SECRET",
}

// secretTexts are what stands around it.
var secretTexts = []string{
	"failed to fetch oauth token: denied: %", "unexpected status from GET request to %: 403 Forbidden", "failed to do request: Head \"https://reg.test/v2/a/manifests/1\": %",
	"error getting credentials - err: exit status 1, out: `%`", "unexpected status from HEAD request to https://reg.test/v2/a/b/manifests/1: 403 Forbidden\ndenied: %",
	"%", "failed to copy: httpReadSeeker: failed open: %", "#5 ERROR: failed to fetch anonymous token: %", "source \"docker-image://reg.test/a\" denied by policy: %",
	"toomanyrequests: %", "failed to fetch oauth token: 401 Unauthorized: {\"details\":\"%\"}",
}

// said is all that a reader can get to see of a text.
func said(t testing.TB, ref, text string) string {
	t.Helper()
	d := diagnosis.Diagnose(ref, text)
	resolutions := []*resolve.Resolution{
		attempts(ref, text),
		attempts(ref, text, text),
		{Ref: ref, Written: d, Policy: &d},
		{Ref: ref, Written: d, Off: true},
		attempts(ref, refusedText, text),
		fellBack(t, ref, text),
	}
	out := []any{d, report.ExplainSingle(d, ref)}
	w := report.Warning{Host: d.Host, Refs: []string{ref}, Answer: d}
	out = append(out, w.Short(), w.Detail())
	for _, r := range resolutions {
		r.Err = errFailed
		rep := report.New([]report.Reference{report.Of(references.Reference{Name: ref, Needed: true}, r, nil)})
		out = append(out, report.Explain(r), rep, rep.Failure(), rep.Table(), report.Step(r))
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(out))
	return b.String()
}

const plantedSecret = "s3cr3tvalue0123456789abcdef"

func TestNoSecretIsSaid(t *testing.T) {
	for _, form := range secretForms {
		for _, text := range secretTexts {
			planted := strings.ReplaceAll(text, "%", strings.ReplaceAll(form, "SECRET", plantedSecret))
			out := said(t, "ghcr.io/a/b:1", planted)
			require.NotContains(t, out, plantedSecret, planted)
			require.NotContains(t, diagnosis.Clean(planted, 500), plantedSecret, planted)
		}
	}
}

// FuzzNoSecret puts any text around a secret.
func FuzzNoSecret(f *testing.F) {
	for i, text := range secretTexts {
		before, after, _ := strings.Cut(text, "%")
		f.Add(before, after, i)
	}
	f.Add(strings.Repeat("x", 60), strings.Repeat("y", 80), 3)
	f.Fuzz(func(t *testing.T, before, after string, form int) {
		if form < 0 {
			return
		}
		secret := secretForms[form%len(secretForms)]
		if len(before)+len(after) > 2000 {
			return
		}
		// What touches the form may make another word of it: "mypassword" or
		// "ghp_x" + text are no longer the form.
		planted := before + " " + strings.ReplaceAll(secret, "SECRET", plantedSecret) + " " + after
		require.NotContains(t, said(t, "ghcr.io/a/b:1", planted), plantedSecret, planted)
	})
}
