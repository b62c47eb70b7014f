package security

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestCacheOfAnotherUser: somebody who may read a private image has pulled it on the same
// daemon, under the very alias that a fallback uses. That does not let it out to others,
// although the daemon would answer from its content store.
func TestCacheOfAnotherUser(t *testing.T) {
	e := harness.T(t)
	each(t, func(t *testing.T, fe harness.Frontend) {
		_, c := world.Fresh(t)
		digest, err := shared.GHCR.Push(t.Context(), "acme/private-shared-"+fe.Name+":1", world.Base("private-shared-"+fe.Name))
		require.NoError(t, err)
		ref := "/acme/private-shared-" + fe.Name + ":1@" + digest
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, Files: world.Dockerfile("FROM GHCR.IO:443" + ref + "\nRUN true\n"), DockerConfig: world.GoodLogin(t, e, "GHCR.IO:443"),
		})
		require.NoError(t, res.Err)
		shared.GHCR.ResetRequests()
		res = world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, Files: world.Dockerfile("FROM ghcr.io" + ref + "\nRUN true\n"), DockerConfig: world.Stale(t, e),
		})
		require.ErrorContains(t, res.Err, "ghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback was denied")
		require.Empty(t, shared.GHCR.Requests().Blobs())
	})
}
