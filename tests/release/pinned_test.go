package release

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/tests/harness"
)

// pinnedImage is an image by tag and digest.
var pinnedImage = regexp.MustCompile(`^[^\s@]+:[\w][\w.-]*@sha256:[0-9a-f]{64}$`)

// unpinned are the images that a Dockerfile names otherwise, its frontend among them.
func unpinned(t *testing.T, text string) []string {
	t.Helper()
	opt := references.Options{BuildPlatform: platforms.DefaultSpec()}
	set, err := references.Collect(t.Context(), []byte(text), opt)
	require.NoError(t, err)
	all := set.References
	if syntax, ok := references.Syntax([]byte(text), opt); ok {
		all = append(all, syntax)
	}
	var list []string
	for _, ref := range all {
		if !pinnedImage.MatchString(ref.Written) {
			list = append(list, ref.Written)
		}
	}
	return list
}

// TestImagesArePinned: a release is built from the images that were reviewed, whatever
// became of their tags. It is what stops a release, whose workflow runs the tests first.
func TestImagesArePinned(t *testing.T) {
	root, err := harness.Checkout()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	require.Empty(t, unpinned(t, string(text)), "name them as IMAGE:TAG@sha256: and run: make pin")

	pin := "@sha256:" + strings.Repeat("a", 64)
	require.Equal(t, []string{"golang:1.26", "alpine" + pin, "busybox:1", "tools:2", "docker/dockerfile:1"}, unpinned(t, "# syntax=docker/dockerfile:1\n"+
		"FROM golang:1.26 AS base\nFROM alpine"+pin+" AS small\nFROM xx:1"+pin+" AS xx\nFROM base\nCOPY --from=xx / /\nCOPY --from=small / /\n"+
		"COPY --from=busybox:1 / /\nRUN --mount=type=bind,from=tools:2,target=/t true\n"))
}

// TestRenovate: what keeps the digests fresh finds the one that no Dockerfile names.
func TestRenovate(t *testing.T) {
	root, err := harness.Checkout()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "renovate.json"))
	require.NoError(t, err)
	var config struct {
		CustomManagers []struct {
			ManagerFilePatterns, MatchStrings []string
		}
	}
	require.NoError(t, json.Unmarshal(text, &config))
	require.Len(t, config.CustomManagers, 1)
	m := config.CustomManagers[0]
	const file = ".github/workflows/release.yml"
	require.Regexp(t, strings.Trim(m.ManagerFilePatterns[0], "/"), file)
	workflow, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	groups := regexp.MustCompile(m.MatchStrings[0]).FindStringSubmatch(string(workflow))
	require.Len(t, groups, 4, "no generator of the SBOM by tag and digest")
	require.Equal(t, "docker/buildkit-syft-scanner", groups[1])
}
