package field

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

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
