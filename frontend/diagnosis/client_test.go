package diagnosis_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
)

func TestFromClient(t *testing.T) {
	refused := diagnosis.Diagnose("basic.test/a:1", "unexpected status from HEAD request to https://basic.test/v2/a/manifests/1: 401 Unauthorized")
	require.Equal(t, diagnosis.DeniedAmbiguous, refused.Class)
	require.Nil(t, refused.UsedCredentials)

	with := refused.FromClient(true)
	require.True(t, *with.UsedCredentials)
	require.True(t, with.AnonymousRetryCanHelp)
	without := refused.FromClient(false)
	require.False(t, *without.UsedCredentials)
	require.False(t, without.AnonymousRetryCanHelp)

	offline := diagnosis.Diagnose("basic.test/a:1", `failed to do request: Head "https://basic.test/v2/a/manifests/1": dial tcp: lookup basic.test: no such host`)
	require.Equal(t, diagnosis.NetworkDaemon, offline.Network)
	require.Equal(t, diagnosis.NetworkClient, offline.FromClient(false).Network)

	helper := diagnosis.Diagnose("basic.test/a:1", "error getting credentials - err: exit status 1, out: `locked`")
	require.True(t, helper.FromClient(false).AnonymousRetryCanHelp)
}
