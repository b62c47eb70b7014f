package field

import (
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/llb"
	"github.com/org/pullsafe/tests/harness"
)

// helper is a docker-credential program that has, or makes, a login for its host
// which the registry rejects.
type helper struct {
	name, title string
	host        string
	fast        bool
	// setup writes the program docker-credential-NAME, ready to answer.
	setup func(t *testing.T, h helper, s site)
	// answers are those to the host as written, U, P and B.
	answers [4]string
	// store is for a helper of every host, helpers for one of this host alone, empty for
	// one of every host with an empty entry for the alias that the failure tells, or U.
	store, helpers, empty want
	// blocks is what check says of a helper that keeps store from building.
	blocks string
}

// What a helper answers.
const (
	hasLogin  = "login"
	notFound  = "not found"
	helperErr = "error"
)

// TestHelpers: each helper, in each of the ways in which config.json can name it.
func TestHelpers(t *testing.T) {
	harness.T(t)
	for _, h := range credentialHelpers() {
		t.Run(cmp.Or(h.title, h.name), func(t *testing.T) {
			slow(t, !h.fast)
			t.Parallel()
			s := openSite(t, harness.RegistryOpt{Hosts: []string{h.host}, Mode: harness.ModeToken})
			h.setup(t, h, s)
			var got []string
			for _, k := range kinds {
				host, _, _ := strings.Cut(s.spelled(t, k.kind, tagBuild), "/")
				got = append(got, h.ask(t, host))
			}
			require.Equal(t, h.answers[:], got, "%v", harness.T(t).Network.Refused())
			cells := slices.Clone(h.answers[:])
			silent, _, _ := strings.Cut(s.spelled(t, llb.LetterCase, tagBuild), "/")
			try := func(tag string, opt harness.DockerConfigOpt, w want) {
				s.push(t, lab.images, tag)
				cfg, err := harness.T(t).DockerConfig(opt)
				require.NoError(t, err)
				b := s.buildTag(t, tag, cfg)
				cells = append(cells, s.requireBuild(t, b, w))
				s.requireAgrees(t, tag, cfg, b)
				if b.Err != nil {
					silent = offered(t, b.Err)
					h.requireFix(t, s, tag, cfg)
				}
			}
			try("store", harness.DockerConfigOpt{CredsStore: h.name}, h.store)
			try("helpers", harness.DockerConfigOpt{CredHelpers: map[string]string{h.host: h.name}}, h.helpers)
			try("empty", harness.DockerConfigOpt{CredsStore: h.name, CredHelpers: map[string]string{silent: ""}}, h.empty)
			tables.row(tableHelpers, cmp.Or(h.title, h.name), cells...)
		})
	}
}

var emptyEntry = regexp.MustCompile(`"credHelpers": \{"([^"]+)": ""\}`)

// offered is the alias for which a failed build tells to write an empty entry.
func offered(t *testing.T, err error) string {
	t.Helper()
	m := emptyEntry.FindStringSubmatch(err.Error())
	require.NotNil(t, m, "%v", err)
	return m[1]
}

// program is the file of the helper.
func (h helper) program() string { return filepath.Join(lab.helpers, "docker-credential-"+h.name) }

// write makes the helper.
func (h helper) write(t *testing.T, script string) {
	t.Helper()
	require.NoError(t, os.WriteFile(h.program(), []byte(script), 0o755))
}

// run gives the helper a command. What it prints is a secret, and nobody's output.
func (h helper) run(t *testing.T, command, input string) (stdout string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), h.program(), command)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		require.NoError(t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// ask is what the helper answers for a host.
func (h helper) ask(t *testing.T, host string) string {
	t.Helper()
	out, code := h.run(t, "get", host+"\n")
	var answer struct{ Username, Secret string }
	switch {
	case code == 0 && json.Unmarshal([]byte(out), &answer) == nil && answer.Secret != "":
		return hasLogin
	case strings.Contains(out, "credentials not found in native keychain"):
		return notFound
	default:
		t.Logf("%s get %s: %s", h.name, host, out)
		return helperErr
	}
}

// storeStale stores the rejected login as `docker login` does.
func (h helper) storeStale(t *testing.T, host string) {
	t.Helper()
	dt, err := json.Marshal(map[string]string{"ServerURL": host, "Username": harness.GoodUser, "Secret": harness.StalePassword})
	require.NoError(t, err)
	out, code := h.run(t, "store", string(dt))
	require.Zero(t, code, out)
}
