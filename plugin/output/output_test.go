package output_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/plugin/probe"
)

func findings() []finding.Finding {
	ghcr := credentials.Source{Kind: credentials.CredHelpers, File: "/x/config.json", Key: "ghcr.io", Helper: "docker-credential-x"}
	yes := true
	return []finding.Finding{
		{
			Reference: report.Reference{
				Ref: "docker.io/library/alpine:3", Written: "alpine:3", Platform: "linux/amd64", Needed: true, Outcome: report.OK, Digest: "sha256:0123456789abcdef",
				Positions: []report.Position{{File: "Dockerfile", Line: 1, Instruction: "FROM alpine:3"}, {File: "Dockerfile", Line: 7}},
			},
			Host: "registry-1.docker.io", Verdict: finding.Nothing, Without: finding.Resolved, Platforms: []string{"linux/386", "linux/amd64", "linux/arm64"},
		},
		{
			Reference: report.Reference{
				Ref: "ghcr.io/a/b:1", Written: "ghcr.io/a/b:1", Needed: true, Outcome: report.OKWithoutCredentials, Explanation: "ghcr.io refused\nthe stored credentials, 100%: really",
				Positions: []report.Position{{File: "a:b,c/Dockerfile", Line: 3}},
				Diagnosis: &report.Diagnosis{
					Diagnosis: diagnosis.Diagnosis{Class: diagnosis.CredentialsRejected, Host: "ghcr.io", Message: "denied", UsedCredentials: &yes},
					Remedies:  []report.Remedy{{Command: "run this", Note: "to mend it"}, {Note: "or that"}},
				},
			},
			Host: "ghcr.io", Source: ghcr, Scheme: probe.Bearer, Verdict: finding.Rejected, With: finding.Access(diagnosis.CredentialsRejected), Without: finding.Resolved,
			Alias: "GHCR.IO:443", Aliases: []finding.Alias{
				{Host: "GHCR.IO", Access: finding.Access(diagnosis.NotFound), Answer: "404 Not Found", Anonymous: true},
				{Host: "GHCR.IO:443", Access: finding.Resolved, Anonymous: true},
			},
		},
		{
			Reference: report.Reference{Ref: "ghcr.io/a/c:1", Written: "ghcr.io/a/c:1\x1b[31m", Outcome: report.Failed, Explanation: "no connection"},
			Host:      "ghcr.io", Source: ghcr, Verdict: finding.NotTested, With: finding.Access(diagnosis.NetworkFailure),
		},
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, output.Table(&b, findings(), []string{"a note\x1b[2J"}, false))
	require.NotContains(t, b.String(), "\x1b")
	for line := range strings.SplitSeq(b.String(), "\n") {
		require.Equal(t, strings.TrimRight(line, " "), line)
	}
	text := b.String()
	require.True(t, strings.HasPrefix(text, "Note: a note\n\nREGISTRY"), text)
	require.Contains(t, text, `docker-credential-x (credHelpers "ghcr.io" in /x/config.json)   REJECTED`)
	require.Contains(t, text, "alpine:3                                   -                  ok                          Dockerfile:1         sha256:0123456789ab   linux/amd64, linux/386 and 1 more\n")
	require.Contains(t, text, "\n"+strings.Repeat(" ", 90)+"Dockerfile:7\n")
	require.Contains(t, text, "ghcr.io/a/c:1 (not needed by the target)")
	require.Contains(t, text, "3 images: 1 ok, 1 ok by anonymous fallback, 1 failed\n")
	require.Contains(t, text, "REJECTED           ok        via GHCR.IO:443   a:b,c/Dockerfile:3\n")
	require.Contains(t, text, "  run this    # to mend it\n")

	b.Reset()
	require.NoError(t, output.Table(&b, findings(), nil, true))
	require.Contains(t, b.String(), "\x1b[31mREJECTED\x1b[0m")
	b.Reset()
	require.NoError(t, output.Table(&b, nil, nil, true))
	require.Equal(t, "No images are named: there is nothing to check.\n", b.String())
	b.Reset()
	require.NoError(t, output.Table(&b, findings()[:1], nil, false))
	require.Contains(t, b.String(), "All images can be pulled.\n")
}

// TestMarkdown: nothing of it leaves the block of code.
func TestMarkdown(t *testing.T) {
	all := findings()
	all[2].Written = "````\n# heading"
	var b bytes.Buffer
	require.NoError(t, output.Markdown(&b, all, []string{"``` and ````"}))
	lines := strings.Split(b.String(), "\n")
	require.Equal(t, []string{"### docker pullsafe check", "", "`````text", "Note: ``` and ````"}, lines[:4])
	require.Equal(t, []string{"`````", "", ""}, lines[len(lines)-3:])
	require.Equal(t, 2, strings.Count(b.String(), "`````"))
	require.Contains(t, b.String(), "\nalpine:3 ")

	b.Reset()
	many := make([]finding.Finding, 0, 20000)
	for len(many) < cap(many) {
		many = append(many, all[1])
	}
	require.NoError(t, output.Markdown(&b, many, nil))
	require.Less(t, b.Len(), 300<<10)
	require.True(t, strings.HasSuffix(b.String(), "\n...\n```\n\n"))
}

func TestGitHub(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, output.GitHub(&b, findings(), false))
	require.Equal(t, `::warning file=a%3Ab%2Cc/Dockerfile,line=3,title=Registry credentials rejected::ghcr.io/a/b:1: ghcr.io refused%0Athe stored credentials, 100%25: really%0Arun this  # to mend it%0Aor that
::warning title=Image cannot be pulled::ghcr.io/a/c:1: no connection
3 images: 1 ok, 1 ok by anonymous fallback, 1 failed
`, b.String())
	b.Reset()
	require.NoError(t, output.GitHub(&b, findings(), true))
	require.True(t, strings.HasPrefix(b.String(), "::error file=a%3Ab%2Cc/Dockerfile,line=3,title=Registry credentials rejected::"))
}

// TestJSON: the schema is that of the preflight; what is added does not change it.
func TestJSON(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, output.JSON(&b, findings(), []string{"n"}))
	var preflight report.Report
	require.NoError(t, json.Unmarshal(b.Bytes(), &preflight))
	want := finding.Report(findings())
	dt, err := want.JSON()
	require.NoError(t, err)
	got, err := preflight.JSON()
	require.NoError(t, err)
	require.JSONEq(t, string(dt), string(got))

	var more struct {
		References []map[string]any
		Registries []map[string]any
		Notes      []string
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &more))
	require.Equal(t, map[string]any{"source": "none", "verdict": "none"}, more.References[0]["credential"])
	require.Equal(t, map[string]any{"source": "credHelpers", "file": "/x/config.json", "key": "ghcr.io", "helper": "docker-credential-x", "verdict": "rejected"}, more.References[1]["credential"])
	require.Equal(t, "credentials-rejected", more.References[1]["withCredentials"])
	require.Len(t, more.Registries, 2)
	require.Equal(t, []string{"n"}, more.Notes)

	b.Reset()
	require.NoError(t, output.JSON(&b, nil, nil))
	require.Contains(t, b.String(), `"references": []`)
	require.Contains(t, b.String(), `"registries": []`)
}

// TestPrintable: nothing that a finding holds changes how a terminal shows the rest.
func TestPrintable(t *testing.T) {
	const odd = "x\x1b[2J\u009b2J\u202e\x7fy"
	all := findings()
	f := &all[1]
	f.Written, f.Platform, f.Explanation, f.Hint, f.Digest = odd, odd, odd, odd, odd
	f.Positions = []report.Position{{File: odd, Line: 1, Instruction: odd, Stage: odd}}
	f.Diagnosis.Message, f.Diagnosis.Remedies = odd, []report.Remedy{{Command: odd, Note: odd}}
	f.Platforms, f.Source.File, f.Host = []string{odd}, odd, odd
	for name, write := range map[string]func(*bytes.Buffer) error{
		"table":  func(b *bytes.Buffer) error { return output.Table(b, all, []string{odd}, false) },
		"github": func(b *bytes.Buffer) error { return output.GitHub(b, all, true) },
		"json":   func(b *bytes.Buffer) error { return output.JSON(b, all, []string{odd}) },
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b), name)
		require.Equal(t, b.String(), diagnosis.Printable(b.String()), name)
	}
	var b bytes.Buffer
	require.NoError(t, output.Table(&b, all, nil, true))
	require.Contains(t, b.String(), "\x1b[1mREGISTRY", "its own colours stay")
	require.NotContains(t, b.String(), "\x1b[2J")
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := output.NewProgress(&b)
	p.Show(1, 2)
	p.End()
	require.Empty(t, b.String(), "a check that is soon over shows none")
	p = output.NewProgress(&b)
	p.Show(1, 2)
	time.Sleep(500 * time.Millisecond)
	p.End()
	require.Equal(t, "\r\x1b[Kchecking images: 1 of 2\r\x1b[K", b.String())
	p = output.NewProgress(nil)
	p.Show(1, 2)
	p.End()
}
