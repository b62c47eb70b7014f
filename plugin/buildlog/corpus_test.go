package buildlog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/internal/corpus"
)

func explain(t testing.TB, text, ref string) *Result {
	t.Helper()
	res, err := Explain(t.Context(), strings.NewReader(text), Options{Ref: ref})
	require.NoError(t, err)
	return res
}

// first is the only diagnosis of a result.
func first(res *Result) diagnosis.Diagnosis {
	if len(res.Failures) == 0 {
		return res.Other.Diagnosis.Diagnosis
	}
	return res.Failures[0].Diagnosis.Diagnosis
}

// TestCorpusAlone: a message alone is explained as the frontend explains it,
// with and without the image, and as printed by different systems.
func TestCorpusAlone(t *testing.T) {
	for _, row := range corpus.Rows(t) {
		for _, ref := range []string{row.Ref, ""} {
			want := report.ExplainSingle(diagnosis.Diagnose(ref, row.Error), ref).Diagnosis.Diagnosis
			if strings.HasPrefix(row.Error, "#") { // a line of a log
				want = report.ExplainSingle(diagnose(ref, row.Error), ref).Diagnosis.Diagnosis
			}
			for name, text := range map[string]string{
				"as it is": row.Error,
				"lines":    row.Error + "\n\n",
				"crlf":     strings.ReplaceAll(row.Error, "\n", "\r\n") + "\r\n",
				"colours":  "\x1b[31m" + row.Error + "\x1b[0m\n",
				"bom":      "\ufeff" + row.Error,
			} {
				res := explain(t, text, ref)
				require.LessOrEqual(t, len(res.Failures), 1, row.Error)
				got := first(res)
				assert.Equal(t, want.Class, got.Class, "%s: %s", name, row.Error)
				assert.Equal(t, want.AnonymousRetryCanHelp, got.AnonymousRetryCanHelp, "%s: %s", name, row.Error)
				assert.Equal(t, want.UsedCredentials, got.UsedCredentials, "%s: %s", name, row.Error)
				assert.Equal(t, want.HTTPStatus, got.HTTPStatus, "%s: %s", name, row.Error)
				if want.Class == diagnosis.NotARegistryError {
					continue // of which the last line is told
				}
				if want.Host != "" { // else a line before the error may tell
					assert.Equal(t, want.Host, got.Host, "%s: %s", name, row.Error)
				}
				assert.Equal(t, want.Message == "", got.Message == "", row.Error)
				assert.True(t, strings.HasPrefix(want.Message, got.Message), "%s: %s\n%q\n%q", name, row.Error, want.Message, got.Message)
			}
		}
	}
}

// stamps are what CI systems put before each line.
var stamps = map[string]string{
	"none":       "",
	"github":     "2026-03-01T12:34:56.1234567Z ",
	"github err": "2026-03-01T12:34:56.1234567Z ##[error]",
	"gh":         "build\tUNKNOWN STEP\t2026-03-01T12:34:56.1234567Z ",
	"gitlab":     "2026-03-01T12:34:56.123456Z 01O ",
	"jenkins":    "[2026-03-01T12:34:56.123Z] ",
	"teamcity":   "[12:34:56] ",
	"azure":      "2026-03-01T12:34:56.1234567Z ##[error]",
	"coolify":    "[2026-Mar-01 12:34:56.123456] ",
	"cloudbuild": `Step #2 - "build": `,
	"codebuild":  "[Container] 2026/03/01 12:34:56.123456 ",
	"syslog":     "Mar  1 12:34:56 host dockerd[123]: ",
	"kamal":      "  DEBUG [28a1d5d6] \t",
	"dokku":      "remote: ",
	"space":      "2026-03-01 12:34:56 ",
}

// TestCorpusInLogs: the same messages in the middle of logs, as the error of a
// step and of the build. Their class stays, and each is found once.
func TestCorpusInLogs(t *testing.T) {
	for _, row := range corpus.Rows(t) {
		if strings.Contains(row.Error, "\n") || diagnosis.Class(row.Class) == diagnosis.InvalidReference {
			continue
		}
		want := diagnosis.Diagnose("", row.Error)
		for name, stamp := range stamps {
			log := "#1 [internal] load build definition from Dockerfile\n#1 DONE 0.0s\n\n" +
				"#9 [2/3] RUN npm ci\n#9 0.345 npm ERR! code E401\n#9 DONE 1.2s\n\n" + row.Error + "\nError: Process completed with exit code 1.\n"
			res := explain(t, stamped(stamp, log), "")
			if strings.HasPrefix(row.Error, "#") || strings.HasPrefix(row.Error, "Step 1/") || want.Class == diagnosis.NotARegistryError && len(res.Failures) == 0 {
				continue
			}
			require.LessOrEqual(t, len(res.Failures), 1, "%s: %s", name, row.Error)
			assert.Equal(t, want.Class, first(res).Class, "%s: %s", name, row.Error)
		}
	}
}

func stamped(stamp, log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		b.WriteString(stamp + line)
	}
	return b.String()
}

// TestMentionsCorpus: every message of the corpus that a registry caused has a
// phrase by which a line of a log is noticed; of "NAME: not found" the form of
// the line tells.
func TestMentionsCorpus(t *testing.T) {
	for _, row := range corpus.Rows(t) {
		if diagnosis.Class(row.Class) == diagnosis.NotARegistryError || strings.HasSuffix(row.Error, row.Ref+": not found") {
			continue
		}
		assert.True(t, mentions(row.Error), row.Error)
	}
	for _, line := range []string{"", "npm ERR! 403 Forbidden", "remote: denied", "fatal: unable to access: 401", "E: Failed to fetch http://x 403 Forbidden", "docker build failed"} {
		assert.False(t, mentions(line), line)
	}
}
