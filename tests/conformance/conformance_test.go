package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, nil))
}

// TestSomeOfTheSuite runs the tests that resolve images in the most ways. All are
// run by "make conformance".
func TestSomeOfTheSuite(t *testing.T) {
	s, err := newSuite(t.Context(), harness.T(t), "")
	require.NoError(t, err)
	p, err := s.compare(t.Context(), harness.ChannelMainline, "^(TestMultiStageImplicitFrom|TestNamedImageContext|TestOnBuildNewDeps)$")
	require.NoError(t, err)
	require.Empty(t, p.differences)
	require.Empty(t, p.bothFailed)
	require.Equal(t, 3, p.pullsafe.count(pass))
}
