package release

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/semver"

	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/version"
)

// namedImage is a tag of the published image in a text.
var namedImage = regexp.MustCompile(`\borg/pullsafe:(\d[\w.-]*\w|\d)`)

// namedVersion is a version of the action, of the job for GitLab, or of the hooks.
var namedVersion = regexp.MustCompile(`(?:\borg/pullsafe[@/]|\brev: |\bversion: )(v\d+\.\d+\.\d+)`)

// TestNamedTagsExist: what documents, examples and programs tell users to name is
// what the release of this version publishes.
func TestNamedTagsExist(t *testing.T) {
	release := strings.TrimSuffix(version.Version, "-dev")
	dir := checkout(t, release)
	out, errs, err := run(t, dir, release, "org/pullsafe")
	require.NoError(t, err, errs)
	var file bakeFile
	require.NoError(t, json.Unmarshal([]byte(out), &file), out)
	published := slices.Concat(file.Target["frontend-cross"].Tags, file.Target["frontend-labs-cross"].Tags)
	require.Contains(t, published, buildcmd.DefaultFrontend(version.Version))
	require.Contains(t, published, buildcmd.DefaultFrontend(release))

	root, err := harness.Checkout()
	require.NoError(t, err)
	found := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", ".cache", "bin", "tests"}, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, "_test.go") || !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range namedVersion.FindAllStringSubmatch(string(text), -1) {
			if m[1] == "v1.2.3" {
				continue // stands for any version
			}
			found++
			require.Equal(t, semver.Major(release), semver.Major(m[1]), "%s", path)
			require.LessOrEqual(t, semver.Compare(m[1], release), 0, "%s names %s", path, m[1])
		}
		for _, m := range namedImage.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "1.2.3") {
				continue
			}
			found++
			require.Contains(t, published, "org/pullsafe:"+m[1], "%s", path)
		}
		return nil
	}))
	require.Greater(t, found, 10)
}
