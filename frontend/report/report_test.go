package report_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

const refusedText = "failed to fetch oauth token: denied: denied"

// failed is a reference that could not be had; each text is the answer to a try,
// the first with credentials.
func failed(ref string, line int, texts ...string) report.Reference {
	tries := diagnosis.Tries{Ref: ref, Written: diagnosis.Diagnose(ref, texts[0])}
	for _, text := range texts[1:] {
		tries.Without = append(tries.Without, diagnosis.Diagnose(ref, text))
	}
	c := tries.Conclude()
	return report.Reference{
		Ref: ref, Written: ref, Platform: "linux/amd64", Needed: true, Outcome: report.Failed,
		Diagnosis: &c.Diagnosis, Explanation: c.Headline,
		Positions: []report.Position{{File: "Dockerfile", Line: line, Instruction: "FROM " + ref}},
	}
}

func found(ref string, line int) report.Reference {
	return report.Reference{
		Ref: ref, Written: ref, Platform: "linux/amd64", Needed: true, Outcome: report.OK,
		Digest:    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		Positions: []report.Position{{File: "Dockerfile", Line: line, Instruction: "FROM " + ref}},
	}
}

func rescued(ref string, line int) report.Reference {
	r := found(ref, line)
	c := diagnosis.Tries{Ref: ref, Written: diagnosis.Diagnose(ref, refusedText)}.Rescued()
	r.Outcome, r.Diagnosis, r.Explanation = report.OKWithoutCredentials, &c.Diagnosis, c.Headline
	return r
}

const anonymous401 = "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=x: 401 Unauthorized"

func mixed() *report.Report {
	spare := failed("ghcr.io/acme/other:1", 3, refusedText, anonymous401)
	spare.Needed = false
	unknown := found("slow.example.com/a:1", 9)
	unknown.Outcome, unknown.Digest = report.NotChecked, ""
	typo := failed("docker.io/library/deps:latest", 7, "docker.io/library/deps:latest: not found")
	typo.Written = "deps"
	typo.Hint = report.BareNameHint("deps", typo.Ref, "dep", []string{"dep", "build"})
	arm := failed("quay.io/acme/tool:2", 8, "no match for platform in manifest sha256:aa: not found")
	arm.Platform = "linux/arm64"
	return report.New([]report.Reference{
		found("docker.io/library/alpine:3.23", 1),
		rescued("ghcr.io/astral-sh/uv:0.7.1", 2),
		spare,
		failed("ghcr.io/acme/base:1.4", 4, refusedText, anonymous401),
		failed("ghcr.io/acme/tools:2", 5, refusedText, anonymous401),
		failed("nvcr.io/acme/app:1", 6, "failed to fetch anonymous token: unexpected status: 401 Unauthorized"),
		typo, arm, unknown,
	})
}

func many(n int) *report.Report {
	var refs []report.Reference
	for i := range n {
		refs = append(refs, failed(fmt.Sprintf("ghcr.io/acme/image-%02d:1", i), i+1, refusedText, anonymous401))
	}
	return report.New(refs)
}

func TestFailure(t *testing.T) {
	for name, r := range map[string]*report.Report{
		"one":   report.New([]report.Reference{failed("ghcr.io/acme/base:1.4", 1, refusedText, anonymous401)}),
		"mixed": mixed(),
		"fifty": many(50),
	} {
		t.Run(name, func(t *testing.T) { golden(t, "failure-"+name+".golden", r.Failure()+"\n") })
	}
}

func TestFailureFitsAScreen(t *testing.T) {
	require.LessOrEqual(t, strings.Count(many(50).Failure(), "\n"), 50)
	var refs []report.Reference
	for i := range 50 { // each with a cause of its own
		refs = append(refs, failed(fmt.Sprintf("reg-%d.example.com/a:1", i), i+1, refusedText))
	}
	text := report.New(refs).Failure()
	require.Contains(t, text, "50 of 50 images could not be resolved")
	require.Contains(t, text, "and 40 more")
}

func TestTable(t *testing.T) {
	golden(t, "table.golden", mixed().Table())
	require.Equal(t, "The Dockerfile names no images.\n", report.New(nil).Table())
}

func TestJSON(t *testing.T) {
	dt, err := mixed().JSON()
	require.NoError(t, err)
	golden(t, "report.json", string(dt)+"\n")
	dt, err = report.New(nil).JSON()
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, json.Unmarshal(dt, &doc))
	require.Equal(t, []any{}, doc["references"], "an empty list, not null")
}

func TestStatusCode(t *testing.T) {
	spare := failed("ghcr.io/a/b:1", 1, refusedText)
	spare.Needed = false
	for _, tc := range []struct {
		name         string
		refs         []report.Reference
		want, strict int
	}{
		{name: "nothing"},
		{name: "ok", refs: []report.Reference{found("a", 1)}},
		{name: "without credentials", refs: []report.Reference{rescued("ghcr.io/a/b:1", 1)}, strict: 1},
		{name: "failed", refs: []report.Reference{found("a", 1), failed("ghcr.io/a/b:1", 1, refusedText)}, want: 1, strict: 1},
		{name: "failed but not needed", refs: []report.Reference{spare}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := report.New(tc.refs)
			require.Equal(t, tc.want, r.StatusCode(false))
			require.Equal(t, tc.strict, r.StatusCode(true))
		})
	}
}

func TestBareNameHint(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	require.Equal(t, `"x" is no stage or named context here, so it was taken for the image R`, report.BareNameHint("x", "R", "", nil))
	require.Equal(t, `"x" is no stage or named context here, so it was taken for the image R; did you mean "y"?`, report.BareNameHint("x", "R", "y", names))
	require.Equal(t, `"x" is no stage or named context here, so it was taken for the image R; there are: a, b`, report.BareNameHint("x", "R", "", names[:2]))
	require.Equal(t, `"x" is no stage or named context here, so it was taken for the image R; there are: a, b, c, d, e, f, ...`, report.BareNameHint("x", "R", "", names))
}

// FuzzReport feeds what a registry and a Dockerfile may say: a terminal must get
// no control character of theirs, and no more than a screen.
func FuzzReport(f *testing.F) {
	f.Add("ghcr.io/a/b:1", refusedText, "FROM x")
	f.Add("a", "denied: \x1b[31mred\x07 \u202etxet", "FROM \x1b]0;title\x07")
	f.Add("\xff\xfe", strings.Repeat("x", 5000), "\u200b")
	f.Fuzz(func(t *testing.T, ref, text, instruction string) {
		r := failed(ref, 1, text, text)
		r.Positions[0].Instruction = instruction
		rep := report.New([]report.Reference{r})
		for _, out := range []string{rep.Failure(), rep.Table()} {
			require.True(t, utf8.ValidString(out))
			for _, c := range out {
				require.False(t, c < ' ' && c != '\n' || c == 0x7f || c >= 0x80 && c < 0xa0 || c >= 0x202a && c <= 0x202e || c == 0x200b, "%q", out)
			}
			require.Less(t, len(out), 1<<14)
		}
	})
}
