package pull

import (
	"bytes"
	"context"
	"testing"

	"github.com/docker/cli/cli"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestPull(t *testing.T) {
	const denied = "Error response from daemon: Head \"https://ghcr.io/v2/a/b/manifests/1\": denied: denied\n"
	for _, tc := range []struct {
		name, first, second string // "" succeeds
		calls               int
		want, not           string
	}{
		{"accepted", "", "", 1, "", ""},
		{"rejected", denied, "", 2, "pullsafe: ghcr.io rejected the stored credentials; resolved ghcr.io/a/b:1 without them. Run: docker logout ghcr.io\n", "Error response"},
		{"private", denied, "Error response from daemon: Head \"https://ghcr.io/v2/a/b/manifests/1\": unauthorized\n", 2, denied + "\nghcr.io denied access (\"denied\"); the anonymous fallback was denied: private or missing\n", "rejected"},
		{"missing", "Error response from daemon: manifest for ghcr.io/a/b:1 not found: manifest unknown: manifest unknown\n", "", 1, "ghcr.io has no such image or tag", ""},
		{"something else", "Cannot connect to the Docker daemon\n", "", 1, "Cannot connect to the Docker daemon\n", "ghcr.io"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			calls := 0
			docker := func(_ context.Context, anonymous bool, args ...string) (string, error) {
				calls++
				require.Equal(t, []string{"--quiet=true", "ghcr.io/a/b:1"}, args)
				text := tc.first
				if anonymous {
					text = tc.second
				}
				if text == "" {
					return "", nil
				}
				return text, cli.StatusError{StatusCode: 1}
			}
			err := Pull(t.Context(), Options{Docker: docker, Flags: []string{"--quiet=true"}, Err: &out}, []string{"ghcr.io/a/b:1"})
			require.Equal(t, tc.calls, calls)
			require.Contains(t, out.String(), tc.want)
			if tc.not != "" {
				require.NotContains(t, out.String(), tc.not)
			}
			failed := tc.first != "" && (tc.calls == 1 || tc.second != "")
			require.Equal(t, failed, err != nil)
			var status cli.StatusError
			require.Equal(t, failed, errors.As(err, &status))
		})
	}
	broken := func(context.Context, bool, ...string) (string, error) { return "", errors.New("no docker") }
	require.ErrorContains(t, Pull(t.Context(), Options{Docker: broken, Err: &bytes.Buffer{}}, []string{"a", "b"}), "no docker")
}
