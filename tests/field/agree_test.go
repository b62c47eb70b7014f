package field

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/llb"
	"github.com/org/pullsafe/tests/harness"
)

// requireAgrees asserts that `docker pullsafe check` says what the build then did: with
// the same configuration, through the same program.
func (s site) requireAgrees(t *testing.T, tag string, cfg *harness.DockerConfig, b build) {
	t.Helper()
	out, err := harness.T(t).Run(t.Context(), lab.check, harness.CommandOpt{
		Args: []string{"check", "--format", "json", s.ref(tag)}, DockerConfig: cfg, Env: []string{"PATH=" + os.Getenv("PATH")},
	})
	require.NoError(t, err)
	var checked struct {
		References []struct{ Outcome, Alias string }
	}
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &checked), "%s%s", out.Stdout, out.Stderr)
	require.Len(t, checked.References, 1)
	got, want := checked.References[0], "ok"
	switch {
	case b.Err != nil:
		want = "failed"
	case b.by != "":
		want = "ok-without-credentials"
	}
	require.Equal(t, want, got.Outcome, out.Stdout)
	if b.by != "" {
		require.Equal(t, b.by, s.kindOf(t, got.Alias), out.Stdout)
	}
}

// requireRegistry asserts that `docker pullsafe check --registry` tells an administrator
// what BuildKit met: an alias is served when its answer is that to the host as written.
func (s site) requireRegistry(t *testing.T, w want) {
	t.Helper()
	host := s.host
	if host == "docker.io" {
		host = hubRegistry
	}
	out, err := harness.T(t).Run(t.Context(), lab.check, harness.CommandOpt{Args: []string{"check", "--registry", host, "--format", "json"}})
	require.NoError(t, err)
	var checked struct {
		Registries []struct {
			Alias   string
			Aliases []struct {
				Kind   llb.Kind
				Served bool
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &checked), "%s%s", out.Stdout, out.Stderr)
	require.Len(t, checked.Registries, 1)
	got := checked.Registries[0]
	require.Len(t, got.Aliases, len(kinds)-1)
	served := map[llb.Kind]bool{}
	for _, a := range got.Aliases {
		served[a.Kind] = a.Served
	}
	for i, k := range kinds[1:] {
		require.Equal(t, w.answers[i+1] == w.answers[0], served[k.kind], "%s: %s", k.name, out.Stdout)
	}
	if w.by != "" {
		require.Equal(t, w.by, s.kindOf(t, got.Alias), out.Stdout)
	}
}

// requireFix asserts that `docker pullsafe check --fix` makes a build go through that a
// helper of every host kept from it, and that the helper still has the login.
func (h helper) requireFix(t *testing.T, s site, tag string, cfg *harness.DockerConfig) {
	t.Helper()
	before := h.ask(t, h.host)
	out, err := harness.T(t).Run(t.Context(), lab.check, harness.CommandOpt{
		Args: []string{"check", "--fix", "--yes", s.ref(tag)}, DockerConfig: cfg, Env: []string{"PATH=" + os.Getenv("PATH")},
	})
	require.NoError(t, err)
	require.Zero(t, out.Code, "%s%s", out.Stdout, out.Stderr)
	require.Contains(t, out.Stdout, h.blocks)
	b := s.buildTag(t, tag, cfg)
	require.NoError(t, b.Err)
	require.NotEmpty(t, b.by)
	require.Equal(t, before, h.ask(t, h.host))
}
