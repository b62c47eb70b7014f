package fix_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/fix"
	"github.com/org/pullsafe/plugin/probe"
)

const (
	hubKey  = "https://index.docker.io/v1/"
	hubHost = "registry-1.docker.io"
	limit   = 30 * time.Second
)

// machine is a configuration of the Docker CLI in a folder of its own.
type machine struct{ dir string }

func newMachine(t *testing.T, configJSON string) machine {
	t.Helper()
	m := machine{t.TempDir()}
	m.write(t, configJSON)
	return m
}

func (m machine) file() string { return filepath.Join(m.dir, config.ConfigFileName) }

func (m machine) buildx() string { return filepath.Join(m.dir, "buildx") }

func (m machine) write(t *testing.T, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(m.file(), []byte(text), 0o600))
}

func (m machine) text(t *testing.T) string {
	t.Helper()
	dt, err := os.ReadFile(m.file())
	require.NoError(t, err)
	return string(dt)
}

func (m machine) store() (*credentials.Store, error) {
	file, err := config.Load(m.dir)
	if err != nil {
		return nil, err
	}
	return credentials.Open(credentials.Options{File: file, HelperTimeout: limit}), nil
}

func (m machine) open(t *testing.T) *credentials.Store {
	t.Helper()
	s, err := m.store()
	require.NoError(t, err)
	return s
}

func (m machine) stored(key string) credentials.Source {
	return credentials.Source{Kind: credentials.Auths, File: m.file(), Key: key}
}

// rejected is a public image for which credentials were rejected.
func rejected(host, ref string, s credentials.Source) finding.Finding {
	return finding.Finding{
		Reference: report.Reference{
			Ref: ref, Written: ref, Needed: true, Outcome: report.OKWithoutCredentials,
			Diagnosis: &report.Diagnosis{Diagnosis: diagnosis.Diagnosis{Class: diagnosis.CredentialsRejected, Host: host}},
		},
		Host: host, Source: s, Scheme: probe.Bearer, Verdict: finding.Rejected,
		With: finding.Access(diagnosis.CredentialsRejected), Without: finding.Resolved, Alias: "ALIAS",
	}
}

// answered is another answer to the same credentials.
func answered(f finding.Finding, host, ref string, v finding.Verdict, o report.Outcome) finding.Finding {
	f.Host, f.Ref, f.Written, f.Verdict, f.Outcome = host, ref, ref, v, o
	switch o {
	case report.Failed:
		f.With, f.Without, f.Alias = finding.Access(diagnosis.DeniedAmbiguous), finding.Access(diagnosis.AuthRequired), ""
	case report.OK:
		f.With, f.Alias = finding.Resolved, ""
	case report.OKWithoutCredentials, report.NotChecked:
	}
	return f
}

func TestPlanRemoval(t *testing.T) {
	m := newMachine(t, `{"auths": {"ghcr.io": {"auth": "dTpw"}, "https://ghcr.io": {"auth": "eDp5"}, "https://ghcr.io/v2/": {"auth": "eDp5"}, "other.test": {},
		"`+hubKey+`": {"auth": "dTpw"}, "`+hubKey+`access-token": {"auth": "dTpw"}}}`)
	ghcr := rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io"))
	hub := rejected(hubHost, "docker.io/library/alpine:3", m.stored(hubKey))
	dhi := rejected("dhi.io", "dhi.io/a/b:1", m.stored(hubKey))

	actions, skipped := fix.Plan(t.Context(), []finding.Finding{ghcr, hub, dhi}, fix.Remove, m.open(t))
	require.Empty(t, skipped)
	require.Len(t, actions, 2, "one for an entry")
	require.Equal(t, entries(m, "ghcr.io", "https://ghcr.io"), actions[0].Erase)
	require.Equal(t, entries(m, hubKey, hubKey+"access-token"), actions[1].Erase)
	require.Equal(t, "docker login ghcr.io", actions[0].Undo())
	require.Equal(t, "docker login", actions[1].Undo())

	old := rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("https://ghcr.io/v2/"))
	actions, _ = fix.Plan(t.Context(), []finding.Finding{old}, fix.Remove, m.open(t))
	require.Equal(t, entries(m, "https://ghcr.io/v2/", "ghcr.io", "https://ghcr.io"), actions[0].Erase)
}

func entries(m machine, keys ...string) []credentials.Entry {
	var out []credentials.Entry
	for _, k := range keys {
		out = append(out, m.stored(k).Entry())
	}
	return out
}

func TestPlanFiles(t *testing.T) {
	m := newMachine(t, "{}")
	ghcr := rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io"))
	second, other, private := ghcr, ghcr, ghcr
	second.Ref, other.Ref, private.Ref = "ghcr.io/a/b:2", "ghcr.io/a/c:1", "ghcr.io/a/private:1"
	private.Outcome, private.Without = report.Failed, finding.Access(diagnosis.AuthRequired)
	hub := rejected(hubHost, "docker.io/library/alpine:3", m.stored(hubKey))
	dhi := rejected("dhi.io", "dhi.io/a/b:1", m.stored(hubKey))

	actions, _ := fix.Plan(t.Context(), []finding.Finding{ghcr, second, other, private, hub, dhi}, fix.KeepForPush, m.open(t))
	require.Len(t, actions, 2)
	at := func(folder, content string) fix.File {
		return fix.File{Name: filepath.Join(m.buildx(), "config", folder, "config.json"), Content: content}
	}
	require.Equal(t, []fix.File{at("ghcr.io/a/b@pull", "{}\n"), at("ghcr.io/a/c@pull", "{}\n")}, actions[0].Write)
	require.Equal(t, []fix.File{
		at("registry-1.docker.io/library/alpine@pull", "{}\n"),
		at("dhi.io/a/b@pull", `{"auths": {"dhi.io": {}}}`+"\n"),
	}, actions[1].Write)
	undo := actions[0].Undo()
	if filepath.Separator == '\\' {
		undo = strings.ReplaceAll(undo, "'", "") // quoted, because of the separators
	}
	require.Equal(t, "rm -- "+actions[0].Write[0].Name+" "+actions[0].Write[1].Name, undo)
}

// TestPlanSpares: any answer but a rejection keeps the entry, whichever registry
// gives it and in whichever order.
func TestPlanSpares(t *testing.T) {
	m := newMachine(t, `{"auths": {"ghcr.io": {"auth": "dTpw"}, "`+hubKey+`": {"auth": "dTpw"}}}`)
	ghcr := rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io"))
	dhi := rejected("dhi.io", "dhi.io/public/a:1", m.stored(hubKey))
	environ := ghcr
	environ.Source = credentials.Source{Kind: credentials.Environment, Key: "ghcr.io"}
	basic, scoped := ghcr, ghcr
	basic.Scheme, scoped.Source.Scoped = probe.Basic, true
	denied := answered(ghcr, "ghcr.io", "ghcr.io/a/private:1", finding.Rejected, report.Failed)
	denied.With = finding.Access(diagnosis.DeniedAmbiguous)
	private := denied
	private.With = finding.Access(diagnosis.CredentialsRejected)
	helper := answered(ghcr, "ghcr.io", "ghcr.io/a/b:1", finding.HelperFailed, report.OKWithoutCredentials)
	both := []fix.Mode{fix.Remove, fix.KeepForPush}
	for _, tc := range []struct {
		name     string
		findings []finding.Finding
		modes    []fix.Mode
		why      string
	}{
		{"accepted for another image", []finding.Finding{ghcr, answered(ghcr, "ghcr.io", "ghcr.io/a/c:1", finding.Accepted, report.OK)}, both, "they were accepted for ghcr.io/a/c:1"},
		{"accepted by another registry", []finding.Finding{dhi, answered(dhi, hubHost, "docker.io/private/x:1", finding.Accepted, report.OK)}, both, "they were accepted for docker.io/private/x:1"},
		{"accepted for an image that is not there for the platform", []finding.Finding{ghcr, answered(ghcr, "ghcr.io", "ghcr.io/a/c:1", finding.Accepted, report.Failed)}, both, "accepted"},
		{"no connection", []finding.Finding{ghcr, answered(ghcr, "ghcr.io", "ghcr.io/a/c:1", finding.NotTested, report.Failed)}, both, "they could not be tested with ghcr.io/a/c:1"},
		{"no connection to another registry", []finding.Finding{dhi, answered(dhi, hubHost, "docker.io/private/x:1", finding.NotTested, report.Failed)}, both, "they could not be tested with docker.io/private/x:1"},
		{"not asked for by another registry", []finding.Finding{dhi, answered(dhi, hubHost, "alpine:3", finding.NotAsked, report.OK)}, both, "whose registry did not ask for any"},
		{"accepted and not tested", []finding.Finding{
			dhi, answered(dhi, hubHost, "docker.io/a/b:1", finding.NotTested, report.Failed), answered(dhi, hubHost, "docker.io/a/c:1", finding.Accepted, report.OK),
		}, both, "they were accepted for docker.io/a/c:1"},
		{"helper failed once", []finding.Finding{ghcr, helper}, both, "their helper program failed"},
		{"access denied to a private image", []finding.Finding{ghcr, denied}, both, "access to ghcr.io/a/private:1 was denied"},
		{"private", []finding.Finding{private}, both, "cannot be pulled without them either"},
		{"environment", []finding.Finding{environ}, both, "DOCKER_AUTH_CONFIG"},
		{"no tokens", []finding.Finding{basic}, both[1:], "only for tokens"},
		{"no tokens once", []finding.Finding{ghcr, basic}, both[1:], "only for tokens"},
		{"buildx's own", []finding.Finding{scoped}, both[1:], "in buildx's own folder already"},
		{"helper", []finding.Finding{helper}, both, "their helper program failed"},
	} {
		for _, mode := range tc.modes {
			for _, order := range []string{"", " reversed"} {
				t.Run(tc.name+" "+string(mode)+order, func(t *testing.T) {
					list := append([]finding.Finding{}, tc.findings...)
					if order != "" {
						for i := range list {
							list[i] = tc.findings[len(list)-1-i]
						}
					}
					actions, skipped := fix.Plan(t.Context(), list, mode, m.open(t))
					require.Empty(t, actions)
					require.Len(t, skipped, 1)
					require.Contains(t, skipped[0].Why, tc.why)
				})
			}
		}
	}
}

// TestPlanSharedHelper: one key of one helper is one entry, in whichever
// configuration the helper is named.
func TestPlanSharedHelper(t *testing.T) {
	m := newMachine(t, "{}")
	f := rejected("ghcr.io", "ghcr.io/a/b:1", credentials.Source{Kind: credentials.CredHelpers, File: "/x/config.json", Key: "ghcr.io", Helper: "docker-credential-x", Scoped: true})
	other := answered(f, "ghcr.io", "ghcr.io/a/c:1", finding.Accepted, report.OK)
	other.Source = credentials.Source{Kind: credentials.CredsStore, File: m.file(), Key: "ghcr.io", Helper: "docker-credential-x"}
	actions, skipped := fix.Plan(t.Context(), []finding.Finding{f, other}, fix.Remove, m.open(t))
	require.Empty(t, actions)
	require.Len(t, skipped, 1)
}

// TestPlanSymlink: a file is one by whichever path it is read.
func TestPlanSymlink(t *testing.T) {
	notOnWindows(t, "a link needs rights that users do not have")
	m := newMachine(t, `{"auths": {"ghcr.io": {"auth": "dTpw"}}}`)
	link := filepath.Join(m.buildx(), "config", "ghcr.io", "a", "c", "config.json")
	require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o700))
	require.NoError(t, os.Symlink(m.file(), link))
	f := rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io"))
	other := answered(f, "ghcr.io", "ghcr.io/a/c:1", finding.Accepted, report.OK)
	other.Source.File, other.Source.Scoped = link, true
	actions, _ := fix.Plan(t.Context(), []finding.Finding{f, other}, fix.Remove, m.open(t))
	require.Empty(t, actions)
}

// TestPlanAtHome: the credentials of a registry that was not asked stay, though another
// one that is sent them rejects them. What writes beside them is not affected.
func TestPlanAtHome(t *testing.T) {
	m := newMachine(t, `{"auths": {"`+hubKey+`": {"auth": "dTpw"}}}`)
	dhi := rejected("dhi.io", "dhi.io/a/b:1", m.stored(hubKey))
	actions, skipped := fix.Plan(t.Context(), []finding.Finding{dhi}, fix.Remove, m.open(t))
	require.Empty(t, actions)
	require.Len(t, skipped, 1)
	require.Contains(t, skipped[0].Why, "docker.io, which was not checked")
	actions, skipped = fix.Plan(t.Context(), []finding.Finding{dhi}, fix.KeepForPush, m.open(t))
	require.Len(t, actions, 1)
	require.Empty(t, skipped)
}

func TestAdvise(t *testing.T) {
	m := newMachine(t, "{}")
	base := rejected("ghcr.io", "ghcr.io/a/b:1", m.stored("ghcr.io"))
	accepted := answered(base, "ghcr.io", "ghcr.io/a/c:1", finding.Accepted, report.OK)
	basic := rejected("basic.test", "basic.test/a/b:1", m.stored("basic.test"))
	basic.Scheme = probe.Basic
	environ := base
	environ.Source = credentials.Source{Kind: credentials.Environment, Key: "ghcr.io"}
	dhi := rejected("dhi.io", "dhi.io/public/a:1", m.stored(hubKey))
	hub := answered(dhi, hubHost, "docker.io/private/x:1", finding.Accepted, report.OK)
	offline := answered(dhi, hubHost, "docker.io/private/x:1", finding.NotTested, report.Failed)

	advice := func(findings ...finding.Finding) (commands, notes []string) {
		fix.Advise(findings)
		for _, r := range findings[0].Diagnosis.Remedies {
			if r.Command != "" {
				commands = append(commands, r.Command)
			}
			notes = append(notes, r.Note)
		}
		return commands, notes
	}
	commands, _ := advice(base)
	require.Equal(t, []string{"docker pullsafe check --fix ghcr.io/a/b:1", "docker pullsafe check --fix=keep-for-push ghcr.io/a/b:1"}, commands)
	require.Empty(t, base.Diagnosis.Remedies, "shared with others")
	commands, _ = advice(basic)
	require.Equal(t, []string{"docker pullsafe check --fix basic.test/a/b:1"}, commands)
	commands, notes := advice(environ)
	require.Empty(t, commands)
	require.Contains(t, notes[0], "DOCKER_AUTH_CONFIG")
	commands, notes = advice(base, accepted)
	require.Empty(t, commands)
	require.Equal(t, "the same credentials are accepted for ghcr.io/a/c:1: keep them", notes[0])
	commands, notes = advice(dhi, hub)
	require.Empty(t, commands)
	require.Equal(t, "the same credentials are accepted for docker.io/private/x:1: keep them", notes[0])
	require.Contains(t, notes[1], `put {"auths": {"dhi.io": {}}} into config.json in buildx's folder config/dhi.io/public/a@pull`)
	commands, notes = advice(dhi, offline)
	require.Empty(t, commands)
	require.Contains(t, notes[0], "could not be tested with docker.io/private/x:1")
}

// TestAdviseLogout: the command logs out of what is stored, and out of nothing that
// is of use.
func TestAdviseLogout(t *testing.T) {
	m := newMachine(t, "{}")
	for _, tc := range []struct{ host, ref, key, want string }{
		{"ghcr.io", "ghcr.io/a/private:1", "ghcr.io", "docker logout ghcr.io"},
		{"ghcr.io", "ghcr.io/a/private:1", "https://ghcr.io", "docker logout ghcr.io"},
		{"ghcr.io", "ghcr.io/a/private:1", "https://ghcr.io/v2/", "docker logout https://ghcr.io/v2/"},
		{"ghcr.io", "ghcr.io/a/private:1", "https://ghcr.io/v2/$(x)", "docker logout 'https://ghcr.io/v2/$(x)'"},
		{"dhi.io", "dhi.io/a/private:1", hubKey, "docker login"}, // Docker Hub itself was not asked
		{"dhi.io", "dhi.io/a/private:1", "dhi.io", "docker logout dhi.io"},
		{hubHost, "docker.io/a/private:1", hubKey, "docker logout"},
	} {
		f := rejected(tc.host, tc.ref, m.stored(tc.key))
		f.Outcome, f.Without = report.Failed, finding.Access(diagnosis.AuthRequired)
		general := "docker logout " + tc.host
		if tc.host != "ghcr.io" {
			general = "docker logout"
		}
		f.Diagnosis.Remedies = []report.Remedy{{Command: general}, {Command: "docker login"}}
		list := []finding.Finding{f}
		fix.Advise(list)
		require.Equal(t, tc.want, list[0].Diagnosis.Remedies[0].Command)
		list = []finding.Finding{f, answered(f, tc.host, "ghcr.io/a/c:1", finding.Accepted, report.OK)}
		fix.Advise(list)
		require.Equal(t, []report.Remedy{{Command: "docker login"}}, list[0].Diagnosis.Remedies)
	}
}

func TestParseMode(t *testing.T) {
	for _, ok := range []string{"", "remove", "keep-for-push"} {
		_, err := fix.ParseMode(ok)
		require.NoError(t, err)
	}
	_, err := fix.ParseMode("keep")
	require.ErrorContains(t, err, "--fix=keep: must be")
}
