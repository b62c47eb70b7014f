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

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
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

var errFailed = errors.New("failed")

// of is a needed reference in a line of a Dockerfile.
func of(ref string, line int, r *resolve.Resolution) report.Reference {
	return report.Of(references.Reference{
		Name: ref, Written: ref, Platform: &ocispecs.Platform{OS: "linux", Architecture: "amd64"}, Needed: true,
		Positions: []references.Position{{File: "Dockerfile", Line: line, Instruction: "FROM " + ref}},
	}, r, nil)
}

// failed is a reference that could not be resolved; each text is the answer to an
// attempt, the first with credentials.
func failed(ref string, line int, texts ...string) report.Reference {
	r := attempts(ref, texts[0], texts[1:]...)
	r.Err = errFailed
	return of(ref, line, r)
}

var image = &resolve.Image{Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}

func found(ref string, line int) report.Reference {
	return of(ref, line, &resolve.Resolution{Ref: ref, Image: image})
}

func anonymously(t testing.TB, ref string, line int) report.Reference {
	t.Helper()
	r := fellBack(t, ref, refusedText)
	r.Image = image
	return of(ref, line, r)
}

const anonymous401 = "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=x: 401 Unauthorized"

func mixed(t *testing.T) *report.Report {
	spare := failed("ghcr.io/acme/other:1", 3, refusedText, anonymous401)
	spare.Needed = false
	unknown := of("slow.example.com/a:1", 9, nil)
	typo := failed("docker.io/library/deps:latest", 7, "docker.io/library/deps:latest: not found")
	typo.Written = "deps"
	typo.Hint = `"deps" is not a stage or named context here, so it was treated as the image docker.io/library/deps:latest; did you mean "dep"?`
	arm := failed("quay.io/acme/tool:2", 8, "no match for platform in manifest sha256:aa: not found")
	arm.Platform = "linux/arm64"
	return report.New([]report.Reference{
		found("docker.io/library/alpine:3.23", 1),
		anonymously(t, "ghcr.io/astral-sh/uv:0.7.1", 2),
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
		"mixed": mixed(t),
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
	golden(t, "table.golden", mixed(t).Table())
	require.Equal(t, "The Dockerfile names no images.\n", report.New(nil).Table())
}

func TestJSON(t *testing.T) {
	dt, err := mixed(t).JSON()
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
		{name: "without credentials", refs: []report.Reference{anonymously(t, "ghcr.io/a/b:1", 1)}, strict: 1},
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
	hint := func(written string, names ...string) string {
		ref := "docker.io/library/" + written + ":latest"
		r := attempts(ref, ref+": not found")
		r.Err = errFailed
		return report.Of(references.Reference{Name: ref, Written: written, Positions: []references.Position{{Line: 1}}}, r, names).Hint
	}
	const begin = `"xenon" is not a stage or named context here, so it was treated as the image docker.io/library/xenon:latest`
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	require.Equal(t, begin, hint("xenon"))
	require.Equal(t, begin+`; did you mean "xeno"?`, hint("xenon", append(names, "xeno")...))
	require.Equal(t, begin+`; there are: a, b`, hint("xenon", names[:2]...))
	require.Equal(t, begin+`; there are: a, b, c, d, e, f, ...`, hint("xenon", names...))
}

// TestBareNameHintIsNoNoise: what else can go wrong with an image of Docker Hub says
// nothing about its name, unless a stage has nearly the same.
func TestBareNameHintIsNoNoise(t *testing.T) {
	const (
		ref      = "docker.io/library/alpine:latest"
		scope    = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
		rejected = "failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?service=registry.docker.io: 401 Unauthorized: incorrect username or password"
		manifest = "unexpected status from HEAD request to https://registry-1.docker.io/v2/library/alpine/manifests/latest: "
		dial     = `failed to do request: Head "https://registry-1.docker.io/v2/library/alpine/manifests/latest": dial tcp: i/o timeout`
	)
	position := []references.Position{{Line: 1}}
	plain := references.Reference{Name: ref, Written: "alpine", Positions: position}
	for _, tc := range []struct {
		name  string
		ref   references.Reference
		texts []string
		hint  bool
	}{
		{"not found", plain, []string{ref + ": not found"}, true},
		{"manifest unknown", plain, []string{"manifest unknown: manifest unknown"}, true},
		{"scope", plain, []string{scope}, true},
		{"scope, twice", plain, []string{scope, scope}, true},
		{"rejected, then scope", plain, []string{rejected, scope}, true},
		{"rejected, then not found", plain, []string{rejected, ref + ": not found"}, true},
		{"helper, then scope", plain, []string{brokenHelper, scope}, true},
		{"401", plain, []string{manifest + "401 Unauthorized"}, true},

		{"403", plain, []string{manifest + "403 Forbidden"}, false},
		{"rejected", plain, []string{rejected}, false},
		{"rejected, then network", plain, []string{rejected, dial}, false},
		{"rejected, then rate limit", plain, []string{rejected, manifest + "429 Too Many Requests"}, false},
		{"rejected, then helper", plain, []string{rejected, brokenHelper}, false},
		{"rejected, then policy", plain, []string{rejected, policyOnAlias}, false},
		{"network", plain, []string{dial}, false},
		{"network of the client", plain, []string{`failed to fetch oauth token: Post "https://auth.docker.io/token": dial tcp: i/o timeout`}, false},
		{"rate limit", plain, []string{manifest + "429 Too Many Requests"}, false},
		{"outage", plain, []string{manifest + "503 Service Unavailable"}, false},
		{"TLS", plain, []string{`failed to do request: Head "https://registry-1.docker.io/v2/library/alpine/manifests/latest": tls: handshake failure`}, false},
		{"platform", plain, []string{"no match for platform in manifest sha256:aa: not found"}, false},
		{"helper", plain, []string{brokenHelper, lockedHelper}, false},
		{"restricted", plain, []string{`denied: image access restricted: library/alpine blocked for organization X`}, false},

		{"with a tag", references.Reference{Name: "docker.io/library/alpine:3", Written: "alpine:3", Positions: position}, []string{"docker.io/library/alpine:3: not found"}, false},
		{"with a repository", references.Reference{Name: "docker.io/a/b:latest", Written: "a/b", Positions: position}, []string{"docker.io/a/b:latest: not found"}, false},
		{"not in the Dockerfile", references.Reference{Name: ref, Written: "alpine"}, []string{ref + ": not found"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := attempts(tc.ref.Name, tc.texts[0], tc.texts[1:]...)
			r.Err = errFailed
			require.Equal(t, tc.hint, report.Of(tc.ref, r, []string{"build", "final"}).Hint != "")
			if tc.ref.Written == "alpine" && tc.ref.Positions != nil {
				require.Contains(t, report.Of(tc.ref, r, []string{"build", "alpin3"}).Hint, `did you mean "alpin3"?`)
			}
		})
	}
	r := fellBack(t, ref, rejected)
	require.Empty(t, report.Of(plain, r, []string{"alpin3"}).Hint, "it was resolved")
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
		if r.Diagnosis != nil {
			require.NotNil(t, r.Diagnosis.Remedies)
		}
		require.NotContains(t, r.Explanation, "\n")
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

// TestFailureOfContent: an image that was resolved could not be pulled, and it may be
// another one that the same step needs.
func TestFailureOfContent(t *testing.T) {
	of := func(pulling, unsure bool) report.Reference {
		ref := references.Reference{Name: "ghcr.io/acme/base:1", Written: "ghcr.io/acme/base:1", Needed: true}
		return report.Of(ref, &resolve.Resolution{
			Ref: ref.Name, Written: diagnosis.Diagnose(ref.Name, "429 Too Many Requests"), Pulling: pulling, Unsure: unsure, Err: errors.New("x"),
		}, nil)
	}
	text := report.New([]report.Reference{of(true, false)}).Failure()
	require.True(t, strings.HasPrefix(text, "the image could not be pulled\n"), text)
	require.NotContains(t, text, "BuildKit does not say")
	text = report.New([]report.Reference{of(true, true), of(false, false)}).Failure()
	require.True(t, strings.HasPrefix(text, "the image could not be resolved\n"), text)
	require.Contains(t, text, "\n  BuildKit does not say which of the step's images failed")
}
