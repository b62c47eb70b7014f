package release

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// signFiles runs .ci/sign-files over files with a cosign that records how it is called.
func signFiles(t *testing.T, files map[string]string, fails string) (calls, stderr string, err error) {
	t.Helper()
	root, err := harness.Checkout()
	require.NoError(t, err)
	dir, bin := t.TempDir(), t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	log := filepath.Join(bin, "calls")
	require.NoError(t, os.WriteFile(log, nil, 0o644))
	script := "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"$CALLS\"\ncase \"$*\" in $FAILS) exit 1 ;; sign-blob*) : >checksums.txt.sigstore.json ;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "cosign"), []byte(script), 0o755))
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".ci/sign-files"), dir)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GITHUB_REPOSITORY=org/pullsafe", "CALLS="+log, "FAILS="+fails)
	var errs strings.Builder
	cmd.Stderr = &errs
	err = cmd.Run()
	recorded, readErr := os.ReadFile(log)
	require.NoError(t, readErr)
	if err == nil {
		require.FileExists(t, filepath.Join(dir, "checksums.txt.sigstore.json"))
	}
	return string(recorded), errs.String(), err
}

// TestSignFiles: the checksums are signed when they are those of all files, and the
// signature verifies as the documentation says.
func TestSignFiles(t *testing.T) {
	line := func(name, text string) string { return fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(text)), name) }
	good := map[string]string{"a.deb": "a", "a.tar.gz": "b", "checksums.txt": line("a.deb", "a") + line("a.tar.gz", "b")}
	const verify = "verify-blob checksums.txt --bundle checksums.txt.sigstore.json --certificate-oidc-issuer https://token.actions.githubusercontent.com" +
		` --certificate-identity-regexp ^https://github\.com/org/pullsafe/\.github/workflows/release\.yml@refs/tags/v`
	calls, errs, err := signFiles(t, good, "nothing")
	require.NoError(t, err, errs)
	require.Equal(t, "sign-blob --yes --bundle checksums.txt.sigstore.json checksums.txt\n"+verify+"\n", calls)

	root, err := harness.Checkout()
	require.NoError(t, err)
	docs, err := os.ReadFile(filepath.Join(root, "docs/releases.md"))
	require.NoError(t, err)
	require.Contains(t, strings.NewReplacer("\\\n", "", "      ", "", "'", "").Replace(string(docs)), "cosign "+verify)

	for name, tc := range map[string]struct {
		files  map[string]string
		fails  string
		want   string
		signed bool
	}{
		"no checksums":         {map[string]string{"a.deb": "a"}, "", "nothing to sign", false},
		"empty":                {map[string]string{"checksums.txt": ""}, "", "nothing to sign", false},
		"a wrong checksum":     {map[string]string{"a.deb": "b", "checksums.txt": line("a.deb", "a")}, "", "checksums.txt is wrong", false},
		"no line of checksums": {map[string]string{"a.deb": "a", "checksums.txt": line("a.deb", "a") + "x\n"}, "", "checksums.txt is wrong", false},
		"a file that is gone":  {map[string]string{"checksums.txt": line("a.deb", "a")}, "", "checksums.txt is wrong", false},
		"a file without one":   {map[string]string{"a.deb": "a", "a": "x", "checksums.txt": line("a.deb", "a")}, "", "a has no checksum", false},
		"cannot sign":          {good, "sign-blob*", "", true},
		"does not verify":      {good, "verify-blob*", "does not verify", true},
	} {
		t.Run(name, func(t *testing.T) {
			calls, errs, err := signFiles(t, tc.files, tc.fails)
			require.Error(t, err)
			require.Contains(t, errs, tc.want)
			require.Equal(t, tc.signed, calls != "", calls)
		})
	}
}
