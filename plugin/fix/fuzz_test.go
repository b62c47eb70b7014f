package fix_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/fix"
)

// What the fuzz target puts together.
var (
	fuzzedRefs = []struct{ host, ref string }{
		{hubHost, "docker.io/library/alpine:3"},
		{hubHost, "docker.io/a/private:1"},
		{"dhi.io", "dhi.io/a/b:1"},
		{"registry.scout.docker.com", "registry.scout.docker.com/a/b:1"},
		{"ghcr.io", "ghcr.io/a/b:1"},
		{"ghcr.io", "ghcr.io/a/scoped:1"},
		{"old.test:5000", "old.test:5000/a/b:1"},
		{"two.test", "two.test/a/b:1"},
		{"nothing.test", "nothing.test/a/b:1"},
	}
	fuzzedVerdicts = []finding.Verdict{
		finding.Rejected, finding.Rejected, finding.Rejected, finding.Accepted, finding.NotTested, finding.NotAsked, finding.HelperFailed, "new",
	}
	fuzzedOutcomes = []report.Outcome{report.OKWithoutCredentials, report.OKWithoutCredentials, report.OK, report.Failed}
)

const (
	fuzzedConfig = `{"future": [1.0], "auths": {
		"` + hubKey + `": {"auth": "dTpw", "future": 1}, "ghcr.io": {"auth": "dTpw"}, "https://ghcr.io": {"auth": "eDp5"},
		"https://old.test:5000/v1/": {"auth": "dTpw"}, "http://two.test": {"auth": "dTpw"}, "https://two.test/v2/": {"auth": "eDp5"}}}`
	fuzzedScoped = `{"auths": {"ghcr.io": {"auth": "eDp5"}}}`
)

// FuzzFix: whatever registries answer, an entry to which one answer is anything but a
// rejection is there afterwards as it was before. Two bytes are one answer.
func FuzzFix(f *testing.F) {
	f.Add([]byte{2, 0, 1, 3}, true)                           // dhi.io rejects, docker.io accepts
	f.Add([]byte{2, 0, 3, 0, 0, 0}, true)                     // all that are sent Docker Hub's reject
	f.Add([]byte{4, 0, 5, 3, 6, 0, 7, 0}, true)               // scoped credentials beside others
	f.Add([]byte{4, 0, 4, 4, 0, 5, 2, 16, 7, 6, 8, 0}, false) // of each kind
	f.Fuzz(func(t *testing.T, answers []byte, remove bool) {
		m := newMachine(t, fuzzedConfig)
		scoped := filepath.Join(m.buildx(), "config", "ghcr.io", "a", "scoped", "config.json")
		require.NoError(t, os.MkdirAll(filepath.Dir(scoped), 0o700))
		require.NoError(t, os.WriteFile(scoped, []byte(fuzzedScoped), 0o600))
		store := m.open(t)
		var findings []finding.Finding
		spared := map[credentials.Entry]bool{}
		for ; len(answers) >= 2 && len(findings) < 32; answers = answers[2:] {
			r := fuzzedRefs[int(answers[0])%len(fuzzedRefs)]
			c, err := store.Lookup(t.Context(), r.host, []string{"repository:" + finding.Repository(r.ref) + ":pull"})
			require.NoError(t, err)
			v, o := fuzzedVerdicts[answers[1]%8], fuzzedOutcomes[answers[1]/8%4]
			one := answered(rejected(r.host, r.ref, c.Source), r.host, r.ref, v, o)
			if answers[1] < 128 {
				one.With = finding.Access(diagnosis.CredentialsRejected)
			}
			findings = append(findings, one)
			if v != finding.Rejected || o != report.OKWithoutCredentials && one.With == finding.NotAttempted {
				spared[c.Source.Entry()] = true
			}
		}
		mode := fix.KeepForPush
		if remove {
			mode = fix.Remove
		}
		fix.Advise(findings)
		actions, _ := fix.Plan(t.Context(), findings, mode, store)
		for i := range actions {
			_ = m.apply(t, &actions[i]) // another spelling that is left is an error
		}
		for file, text := range map[string]string{m.file(): fuzzedConfig, scoped: fuzzedScoped} {
			before, after := auths(t, []byte(text)), map[string]string{}
			if dt, err := os.ReadFile(file); err == nil {
				after = auths(t, dt)
			}
			for key, value := range before {
				e := credentials.Source{Kind: credentials.Auths, File: file, Key: key}.Entry()
				if spared[e] || !remove {
					require.Equal(t, value, after[key], key)
				}
				if got, ok := after[key]; ok {
					require.Equal(t, value, got, key)
				}
			}
		}
	})
}

// auths are the entries of a config.json as they are written.
func auths(t *testing.T, text []byte) map[string]string {
	t.Helper()
	var file struct{ Auths map[string]json.RawMessage }
	require.NoError(t, json.Unmarshal(text, &file))
	out := map[string]string{}
	for k, v := range file.Auths {
		out[k] = string(v)
	}
	return out
}
