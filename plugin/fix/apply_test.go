package fix_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/fix"
)

// plan is the one action for findings.
func plan(t *testing.T, m machine, mode fix.Mode, findings ...finding.Finding) *fix.Action {
	t.Helper()
	actions, skipped := fix.Plan(t.Context(), findings, mode, m.open(t))
	require.Empty(t, skipped)
	require.Len(t, actions, 1)
	return &actions[0]
}

func (m machine) apply(t *testing.T, a *fix.Action) error {
	t.Helper()
	return a.Apply(t.Context(), limit, m.store)
}

// requireText compares byte by byte: white space and order are to stay.
func requireText(t *testing.T, want, got string) {
	t.Helper()
	require.Equal(t, want, got)
}

// odd has what docker/cli does not know, and an order and white space of its own.
const odd = `{
    "future": {"b": 1, "a": [1.0, 1e3]},
    "auths": {
        "x.test": {"auth": "dTpw", "future": "stays" } ,
        "ghcr.io": {"auth": "dTpw", "email": "a@b"}
    },
    "psFormat": "\u0041<&>"
}
`

func TestRemove(t *testing.T) {
	m := newMachine(t, odd)
	require.NoError(t, os.Chmod(m.file(), 0o640))
	findings := []finding.Finding{rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io"))}
	a := plan(t, m, fix.Remove, findings...)
	require.NoError(t, m.apply(t, a))
	requireText(t, strings.Replace(odd, ` ,
        "ghcr.io": {"auth": "dTpw", "email": "a@b"}`, "", 1), m.text(t))
	st, err := os.Stat(m.file())
	require.NoError(t, err)
	requireMode(t, 0o640, st)
	a.Fixed()
	require.Equal(t, report.OK, a.Findings[0].Outcome)
	require.NoError(t, m.apply(t, a), "it is gone already")
	left, err := os.ReadDir(m.dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file")
}

// TestRemoveRereads: what another program has written since the check stays.
func TestRemoveRereads(t *testing.T) {
	m := newMachine(t, `{"auths":{"ghcr.io":{"auth":"dTpw"}}}`)
	a := plan(t, m, fix.Remove, rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io")))
	m.write(t, `{"auths":{"ghcr.io":{"auth":"`)
	require.ErrorContains(t, m.apply(t, a), "the configuration cannot be read, so it is not changed")
	m.write(t, `{"auths":{"ghcr.io":{"auth":"dTpw"},"new.test":{"auth":"dTpw"}},"new":1}`)
	require.NoError(t, m.apply(t, a))
	requireText(t, `{"auths":{"new.test":{"auth":"dTpw"}},"new":1}`, m.text(t))
}

// requireMode asserts the permissions of a file; on Windows there are none.
func requireMode(t *testing.T, want os.FileMode, st os.FileInfo) {
	t.Helper()
	if runtime.GOOS != "windows" {
		require.Equal(t, want, st.Mode().Perm())
	}
}

// notOnWindows skips a test of what is otherwise there.
func notOnWindows(t *testing.T, what string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip(what)
	}
}

func TestRemoveKeepsSymlink(t *testing.T) {
	notOnWindows(t, "a link needs rights that users do not have")
	m := newMachine(t, "{}")
	target := filepath.Join(t.TempDir(), "real.json")
	require.NoError(t, os.WriteFile(target, []byte(`{"auths":{"ghcr.io":{"auth":"dTpw"}}}`), 0o600))
	require.NoError(t, os.Remove(m.file()))
	require.NoError(t, os.Symlink(target, m.file()))
	require.NoError(t, m.apply(t, plan(t, m, fix.Remove, rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io")))))
	st, err := os.Lstat(m.file())
	require.NoError(t, err)
	require.NotZero(t, st.Mode()&os.ModeSymlink)
	dt, err := os.ReadFile(target)
	require.NoError(t, err)
	requireText(t, `{"auths":{}}`, string(dt))
}

// TestRemoveOtherSpelling: what docker logout leaves is found afterwards, and that is
// an error: it was not tested.
func TestRemoveOtherSpelling(t *testing.T) {
	m := newMachine(t, `{"auths":{"ghcr.io":{"auth":"dTpw"},"http://ghcr.io":{"auth":"eDp5"},"https://ghcr.io/v2/":{"auth":"eDp5"}}}`)
	a := plan(t, m, fix.Remove, rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io")))
	require.ErrorContains(t, m.apply(t, a), `pulls of ghcr.io/a/b:1 now use other credentials, which were not tested: auths "https://ghcr.io/v2/" in `)
	requireText(t, `{"auths":{"https://ghcr.io/v2/":{"auth":"eDp5"}}}`, m.text(t))
}

// TestRemoveOwnOfHubUser: without an entry of its own, a registry is sent Docker
// Hub's.
func TestRemoveOwnOfHubUser(t *testing.T) {
	m := newMachine(t, `{"auths":{"dhi.io":{"auth":"dTpw"},"`+hubKey+`":{"auth":"eDp5"}}}`)
	f := rejected("dhi.io", "dhi.io/a/b:1", m.stored("dhi.io"))
	keep := plan(t, m, fix.KeepForPush, f)
	require.NoError(t, m.apply(t, keep))
	require.NoError(t, os.Remove(keep.Write[0].Name))
	require.ErrorContains(t, m.apply(t, plan(t, m, fix.Remove, f)), "now use other credentials, which were not tested")
	requireText(t, `{"auths":{"`+hubKey+`":{"auth":"eDp5"}}}`, m.text(t))
}

// TestUnwritable: a file that cannot be written is an error, by root too: the path
// leaves no room for a temporary file beside it.
func TestUnwritable(t *testing.T) {
	notOnWindows(t, "the longest path is another")
	const pathMax = 4095
	dir := t.TempDir()
	for room := pathMax - len("/config.json") - len(dir); room > 1; room = pathMax - len("/config.json") - len(dir) {
		dir += "/" + strings.Repeat("d", min(room-1, 200))
		require.NoError(t, os.Mkdir(dir, 0o700))
	}
	m := machine{dir}
	m.write(t, odd)
	a := plan(t, m, fix.Remove, rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io")))
	require.Error(t, m.apply(t, a))
	requireText(t, odd, m.text(t))
}

func TestKeepForPush(t *testing.T) {
	for _, host := range []string{"ghcr.io", "dhi.io"} {
		m := newMachine(t, `{"auths":{"ghcr.io":{"auth":"dTpw"},"`+hubKey+`":{"auth":"dTpw"}}}`)
		before := m.text(t)
		key := host
		if host == "dhi.io" {
			key = hubKey
		}
		a := plan(t, m, fix.KeepForPush, rejected(host, host+"/a/b:1", m.stored(key)))
		require.NoError(t, m.apply(t, a))
		require.Equal(t, before, m.text(t))
		st, err := os.Stat(a.Write[0].Name)
		require.NoError(t, err)
		requireMode(t, 0o600, st)
		for scope, empty := range map[string]bool{"repository:a/b:pull": true, "repository:a/c:pull": false} {
			c, err := m.open(t).Lookup(t.Context(), host, []string{scope})
			require.NoError(t, err)
			require.Equal(t, empty, c.Empty(), "%s %s", host, scope)
		}

		require.ErrorContains(t, m.apply(t, a), "not written")
		first := filepath.Join(m.dir, "first", "config.json")
		a.Write = []fix.File{{Name: first}, a.Write[0]}
		require.ErrorContains(t, m.apply(t, a), "not written")
		require.NoFileExists(t, first, "all or none")
	}
}

// TestKeepForPushWithoutEffect: a file that changes nothing does not stay.
func TestKeepForPushWithoutEffect(t *testing.T) {
	m := newMachine(t, `{"auths":{"ghcr.io":{"auth":"dTpw"}}}`)
	a := plan(t, m, fix.KeepForPush, rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io")))
	other := newMachine(t, m.text(t)) // with a folder of buildx's of its own
	err := a.Apply(t.Context(), limit, other.store)
	require.ErrorContains(t, err, "now use other credentials")
	require.NoFileExists(t, a.Write[0].Name)
}

// helper puts docker-credential-NAME on the PATH: it holds what is a file in a folder
// by the key, with "/" as "_".
func helper(t *testing.T, name, erase string, keys ...string) (held func(key string) bool) {
	t.Helper()
	notOnWindows(t, "shell scripts stand in for helpers")
	dir := t.TempDir()
	path := func(key string) string { return filepath.Join(dir, "held-"+strings.ReplaceAll(key, "/", "_")) }
	for _, k := range keys {
		require.NoError(t, os.WriteFile(path(k), nil, 0o600))
	}
	script := fmt.Sprintf(`#!/bin/sh
f=%s/held-$(tr / _)
[ -e "$f" ] || { echo "credentials not found in native keychain"; exit 1; }
case $1 in
get) printf '{"Username":"u","Secret":"s"}' ;;
erase) %s ;;
esac
`, dir, erase)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte(script), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func(key string) bool {
		_, err := os.Stat(path(key))
		return err == nil
	}
}

func TestRemoveFromHelper(t *testing.T) {
	held := helper(t, "test", `rm "$f"`, "ghcr.io", "https://ghcr.io", "other.test")
	m := newMachine(t, `{"auths":{"ghcr.io":{},"other.test":{}},"credsStore":"test","new":1}`)
	source := credentials.Source{Kind: credentials.CredsStore, File: m.file(), Key: "ghcr.io", Helper: "docker-credential-test"}
	a := plan(t, m, fix.Remove, rejected("ghcr.io", "ghcr.io/a/b:1", source))
	require.Equal(t, []credentials.Entry{source.Entry(), m.stored("ghcr.io").Entry(), {Helper: "docker-credential-test", Key: "https://ghcr.io"}}, a.Erase)
	require.NoError(t, m.apply(t, a))
	require.False(t, held("ghcr.io"))
	require.False(t, held("https://ghcr.io"))
	require.True(t, held("other.test"))
	requireText(t, `{"auths":{"other.test":{}},"credsStore":"test","new":1}`, m.text(t))
}

func TestRemoveFromHelperFails(t *testing.T) {
	for erase, want := range map[string]string{
		`echo "not implemented"; exit 1`: "not implemented",
		"true":                           "the credentials are still there: docker-credential-test",
	} {
		helper(t, "test", erase, "ghcr.io")
		m := newMachine(t, `{"auths":{"ghcr.io":{}},"credsStore":"test"}`)
		before := m.text(t)
		source := credentials.Source{Kind: credentials.CredsStore, File: m.file(), Key: "ghcr.io", Helper: "docker-credential-test"}
		a := plan(t, m, fix.Remove, rejected("ghcr.io", "ghcr.io/a/b:1", source))
		require.ErrorContains(t, m.apply(t, a), want)
		require.Equal(t, erase != "true", before == m.text(t), "what goes with it stays with it")
	}
}

// TestUnverified: a configuration that cannot be read afterwards proves nothing.
func TestUnverified(t *testing.T) {
	m := newMachine(t, `{"auths":{"ghcr.io":{"auth":"dTpw"}}}`)
	a := plan(t, m, fix.Remove, rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io")))
	err := a.Apply(t.Context(), limit, func() (*credentials.Store, error) { return nil, context.Canceled })
	require.ErrorContains(t, err, "the result could not be verified")
}

// blocked is a public image for which a helper for all hosts answers under the alias too.
func blocked(m machine, helper string, v finding.Verdict) finding.Finding {
	f := rejected("ghcr.io", "ghcr.io/a/b:1", credentials.Source{Kind: credentials.CredsStore, File: m.file(), Key: "ghcr.io", Helper: "docker-credential-" + helper})
	f.Alias, f.Outcome, f.Verdict = "", report.Failed, v
	f.Aliases = []finding.Alias{{Host: "GHCR.IO:443", Source: f.Source}}
	f.Free = &f.Aliases[0]
	return f
}

// TestSilenceAlias: the helper is not asked for the alias any more, and for all else.
func TestSilenceAlias(t *testing.T) {
	helper(t, "gcloud", "true", "ghcr.io", "GHCR.IO:443", "other.test")
	for _, v := range []finding.Verdict{finding.Rejected, finding.HelperFailed} {
		m := newMachine(t, "{\n\t\"future\": 1.0,\n\t\"credsStore\": \"gcloud\"\n}")
		all := []finding.Finding{blocked(m, "gcloud", v)}
		fix.Advise(all)
		a := plan(t, m, fix.Remove, all...)
		require.True(t, a.Anonymous())
		require.Equal(t, []string{"GHCR.IO:443"}, a.Aliases)
		require.NoError(t, m.apply(t, a))
		requireText(t, "{\n\t\"future\": 1.0,\n\t\"credsStore\": \"gcloud\",\n\t\"credHelpers\": {\n\t\t\"GHCR.IO:443\": \"\"\n\t}\n}", m.text(t))
		for host, want := range map[string]bool{"GHCR.IO:443": true, "ghcr.io": false, "other.test": false} {
			c, err := m.open(t).Lookup(t.Context(), host, nil)
			require.NoError(t, err)
			require.Equal(t, want, c.Empty(), host)
		}
		require.Contains(t, a.Undo(), `remove "GHCR.IO:443" under credHelpers from `)
		a.Fixed()
		require.Equal(t, report.OKWithoutCredentials, a.Findings[0].Outcome)
	}
}

// TestSilenceWithoutEffect: a login that is stored under the alias is still sent, so the
// entry is taken back.
func TestSilenceWithoutEffect(t *testing.T) {
	helper(t, "gcloud", "true", "ghcr.io", "GHCR.IO:443")
	const text = `{"auths":{"GHCR.IO:443":{"auth":"dTpw"}},"credsStore":"gcloud"}`
	m := newMachine(t, text)
	a := plan(t, m, fix.Remove, blocked(m, "gcloud", finding.Rejected))
	require.ErrorContains(t, m.apply(t, a), "the credentials are still there: auths \"GHCR.IO:443\"")
	require.NotContains(t, m.text(t), `"GHCR.IO:443":""`)
}

// TestCannotErase: no removal is tried of what a helper makes anew, and the plan fails.
func TestCannotErase(t *testing.T) {
	m := newMachine(t, "{}")
	source := credentials.Source{Kind: credentials.CredHelpers, File: m.file(), Key: "ghcr.io", Helper: "docker-credential-ecr-login"}
	all := []finding.Finding{rejected("ghcr.io", "ghcr.io/a/b:1", source)}
	actions, skipped := fix.Plan(t.Context(), all, fix.Remove, m.open(t))
	require.Empty(t, actions)
	require.Len(t, skipped, 1)
	require.True(t, skipped[0].Failed)
	require.Contains(t, skipped[0].Why, "docker-credential-ecr-login cannot erase credentials")
	require.Contains(t, skipped[0].Why, `"credHelpers": {"ghcr.io": ""}`)
	actions, _ = fix.Plan(t.Context(), all, fix.KeepForPush, m.open(t))
	require.Len(t, actions, 1, "buildx's own folder needs no helper")
}
