package release

import (
	"strings"
	"testing"

	dockerfile "github.com/moby/buildkit/frontend/dockerfile/version"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// TestVersionLabel: the label of the image names the version of the Dockerfile
// frontend that is linked in, as upstream tags it. `make upstream` writes it.
func TestVersionLabel(t *testing.T) {
	linked, _, _ := strings.Cut(dockerfile.Version(), "-") // a library does not know that it is a release
	require.NotEmpty(t, linked)
	for channel, want := range map[string]string{harness.ChannelMainline: linked, harness.ChannelLabs: linked + "-labs"} {
		target, err := harness.CheckoutTarget(channel)
		require.NoError(t, err)
		require.Equal(t, want, target.Labels["io.github.org.pullsafe.dockerfile.version"], channel)
	}
}
