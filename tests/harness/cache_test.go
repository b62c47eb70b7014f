package harness_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// TestLockFolder: one run at a time has the folder, and it stays.
func TestLockFolder(t *testing.T) {
	tools := harness.T(t).Tools
	dir := filepath.Join(t.TempDir(), "kept")
	newEnv := func() *harness.Env {
		e, err := harness.NewEnv(t.Context(), tools)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, e.Close()) })
		return e
	}
	lock := func(e *harness.Env) bool {
		ok, err := e.LockFolder(dir)
		require.NoError(t, err)
		return ok
	}
	first, second := newEnv(), newEnv()
	require.True(t, lock(first))
	require.False(t, lock(second))
	require.NoError(t, first.Close())
	require.True(t, lock(second))
	require.NoError(t, second.Close())
	require.DirExists(t, dir)
}
