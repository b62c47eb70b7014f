package fix_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/fix"
	"github.com/org/pullsafe/plugin/probe"
)

// refused is a public image for which a login was refused.
func refused(host, ref string, s credentials.Source, scheme probe.Scheme) finding.Finding {
	return finding.Finding{
		Reference: report.Reference{
			Ref: ref, Written: ref, Needed: true, Outcome: report.OKWithoutCredentials, Diagnosis: &report.Diagnosis{Diagnosis: diagnosis.Diagnosis{Class: diagnosis.CredentialsRejected}},
		},
		Host: host, Source: s, Scheme: scheme, Verdict: finding.Rejected,
	}
}

func stored(key string) credentials.Source {
	return credentials.Source{Kind: credentials.Auths, File: "/x/config.json", Key: key}
}

func TestPlan(t *testing.T) {
	ghcr := refused("ghcr.io", "ghcr.io/a/b:1", stored("https://ghcr.io/v2/"), probe.Bearer)
	hub := refused("registry-1.docker.io", "docker.io/library/alpine:3", stored("https://index.docker.io/v1/"), probe.Bearer)

	actions, skipped := fix.Plan([]finding.Finding{ghcr, hub}, fix.Remove, "/buildx")
	require.Empty(t, skipped)
	require.Len(t, actions, 2)
	require.Equal(t, []string{"ghcr.io", "http://ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/"}, actions[0].Erase)
	require.Equal(t, "repository:a/b:pull", actions[0].Scope())
	require.Equal(t, []string{"https://index.docker.io/v1/", "https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token"}, actions[1].Erase)
	require.Equal(t, "docker login", actions[1].Undo())

	actions, _ = fix.Plan([]finding.Finding{ghcr, hub}, fix.KeepForPush, "/buildx")
	require.Equal(t, []string{"/buildx/config/ghcr.io/a/b@pull/config.json"}, actions[0].Write)
	require.Equal(t, []string{"/buildx/config/registry-1.docker.io/library/alpine@pull/config.json"}, actions[1].Write)

	second, other := ghcr, ghcr
	second.Ref, other.Ref = "ghcr.io/a/b:2", "ghcr.io/a/c:1"
	actions, _ = fix.Plan([]finding.Finding{ghcr, second, other}, fix.KeepForPush, "/buildx")
	require.Equal(t, []string{"/buildx/config/ghcr.io/a/b@pull/config.json", "/buildx/config/ghcr.io/a/c@pull/config.json"}, actions[0].Write)
	require.Equal(t, "rm -r '/buildx/config/ghcr.io/a/b@pull' '/buildx/config/ghcr.io/a/c@pull'", actions[0].Undo())
}

func TestPlanLeavesAlone(t *testing.T) {
	base := refused("ghcr.io", "ghcr.io/a/b:1", stored("ghcr.io"), probe.Bearer)
	other := base
	other.Verdict, other.Outcome = finding.Accepted, report.OK
	private := base
	private.Outcome = report.Failed
	environ := base
	environ.Source = credentials.Source{Kind: credentials.Environment, Key: "ghcr.io"}
	basic, scoped := base, base
	basic.Scheme, scoped.Source.Scoped = probe.Basic, true
	helper := base
	helper.Verdict = finding.HelperFailed
	for _, tc := range []struct {
		name     string
		findings []finding.Finding
		mode     fix.Mode
		why      string
	}{
		{"accepted elsewhere", []finding.Finding{base, other}, fix.Remove, "accepted for other images"},
		{"private", []finding.Finding{private}, fix.Remove, "cannot be had without it either"},
		{"environment", []finding.Finding{environ}, fix.Remove, "DOCKER_AUTH_CONFIG"},
		{"environment, kept", []finding.Finding{environ}, fix.KeepForPush, "DOCKER_AUTH_CONFIG"},
		{"no tokens", []finding.Finding{basic}, fix.KeepForPush, "only for tokens"},
		{"buildx's own", []finding.Finding{scoped}, fix.KeepForPush, "in buildx's own folder already"},
		{"helper", []finding.Finding{helper}, fix.Remove, "its helper program failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			actions, skipped := fix.Plan(tc.findings, tc.mode, "/buildx")
			require.Empty(t, actions)
			require.Len(t, skipped, 1)
			require.Contains(t, skipped[0].Why, tc.why)
		})
	}
}

func TestAdvise(t *testing.T) {
	base := refused("ghcr.io", "ghcr.io/a/b:1", stored("ghcr.io"), probe.Bearer)
	other := base
	other.Ref, other.Verdict, other.Outcome = "ghcr.io/a/c:1", finding.Accepted, report.OK
	basic := refused("basic.test", "basic.test/a/b:1", stored("basic.test"), probe.Basic)
	environ := base
	environ.Source = credentials.Source{Kind: credentials.Environment, Key: "ghcr.io"}

	commands := func(findings ...finding.Finding) []string {
		before := findings[0].Diagnosis
		fix.Advise(findings)
		require.Empty(t, before.Remedies, "shared with others")
		var out []string
		for _, r := range findings[0].Diagnosis.Remedies {
			out = append(out, r.Command)
		}
		return out
	}
	require.Equal(t, []string{"docker pullsafe check --fix ghcr.io/a/b:1", "docker pullsafe check --fix=keep-for-push ghcr.io/a/b:1"}, commands(base))
	require.Equal(t, []string{"docker pullsafe check --fix basic.test/a/b:1"}, commands(basic))
	require.Equal(t, []string{""}, commands(environ))
	require.Equal(t, []string{"", ""}, commands(base, other))
}

func TestApply(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	source := stored("ghcr.io")
	source.File = file
	plan := func(mode fix.Mode) fix.Action {
		actions, _ := fix.Plan([]finding.Finding{refused("ghcr.io", "ghcr.io/a/b:1", source, probe.Bearer)}, mode, filepath.Join(dir, "buildx"))
		return actions[0]
	}

	require.NoError(t, os.WriteFile(file, []byte(`{"auths":{"ghcr.io":{"auth":"`), 0o600))
	a := plan(fix.Remove)
	require.ErrorContains(t, a.Apply(), "the configuration cannot be read, so it is not changed")

	require.NoError(t, os.WriteFile(file, []byte(`{"auths":{"ghcr.io":{"auth":"dTpw"},"x.test":{"auth":"dTpw"}},"psFormat":"x"}`), 0o640))
	require.NoError(t, a.Apply())
	dt, err := os.ReadFile(file)
	require.NoError(t, err)
	require.JSONEq(t, `{"auths":{"x.test":{"auth":"dTpw"}},"psFormat":"x"}`, string(dt))

	k := plan(fix.KeepForPush)
	require.Len(t, k.Write, 1)
	require.NoError(t, k.Apply())
	require.ErrorContains(t, k.Apply(), "not written")
	st, err := os.Stat(k.Write[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), st.Mode().Perm())
	first := filepath.Join(dir, "first", "config.json")
	k.Write = []string{first, k.Write[0]}
	require.ErrorContains(t, k.Apply(), "not written")
	require.NoFileExists(t, first, "all or none")
}

func TestParseMode(t *testing.T) {
	for _, ok := range []string{"", "remove", "keep-for-push"} {
		_, err := fix.ParseMode(ok)
		require.NoError(t, err)
	}
	_, err := fix.ParseMode("keep")
	require.ErrorContains(t, err, "--fix=keep: there are")
}
