package release

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// signing is a run of .ci/release-sign with programs that record how they are called.
type signing struct {
	release  string // release.json
	metadata string
	// fails is the call of cosign that fails; tags are what docker says of a tag.
	fails string
	tags  map[string]string
}

// run returns the calls of cosign, one a line, and what the script said.
func (s signing) run(t *testing.T) (calls, stderr string, err error) {
	t.Helper()
	root, err := harness.Checkout()
	require.NoError(t, err)
	dir := t.TempDir()
	program := func(name, script string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	program("cosign", "printf '%s\\n' \"$*\" >>\"$CALLS\"\ncase \"$*\" in $FAILS) exit 1 ;; esac\n")
	var answers strings.Builder
	for tag, d := range s.tags {
		answers.WriteString(tag + ") echo " + d + " ;;\n")
	}
	program("docker", "[ \"$*\" = \"buildx imagetools inspect --format {{.Manifest.Digest}} $6\" ] || exit 2\ncase $6 in\n"+answers.String()+"*) exit 1 ;;\nesac\n")
	file := filepath.Join(dir, "release.json")
	require.NoError(t, os.WriteFile(file, []byte(s.release), 0o644))
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".ci/release-sign"), file)
	cmd.Stdin = strings.NewReader(s.metadata)
	log := filepath.Join(dir, "calls")
	if s.fails == "" {
		s.fails = "nothing"
	}
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "GITHUB_REPOSITORY=org/pullsafe", "CALLS="+log, "FAILS="+s.fails)
	var errs strings.Builder
	cmd.Stderr = &errs
	err = cmd.Run()
	recorded, readErr := os.ReadFile(log)
	if !os.IsNotExist(readErr) {
		require.NoError(t, readErr)
	}
	return string(recorded), errs.String(), err
}

// published is a release of two channels in two registries, as release-bake and buildx
// tell of it.
func published(t *testing.T) (s signing, mainline, labs string) {
	t.Helper()
	release, errs, err := run(t, checkout(t, "v1.2.3"), "v1.2.3", "ghcr.io/a/b", "docker.io/a/b")
	require.NoError(t, err, errs)
	mainline, labs = digest.FromString("mainline").String(), digest.FromString("labs").String()
	metadata, err := json.Marshal(map[string]any{
		"buildx.build.warnings": []any{},
		"frontend-cross":        map[string]any{"containerimage.digest": mainline},
		"frontend-labs-cross":   map[string]any{"containerimage.digest": labs},
	})
	require.NoError(t, err)
	s = signing{release: release, metadata: string(metadata), tags: map[string]string{}}
	for _, tag := range both([]string{"1.2.3", "1.2", "1", "latest"}) {
		s.tags[tag] = mainline
	}
	for _, tag := range both([]string{"1.2.3-labs", "1.2-labs", "1-labs", "labs"}) {
		s.tags[tag] = labs
	}
	return s, mainline, labs
}

// TestSign: every digest in every registry is signed, and then verified as the
// documentation says.
func TestSign(t *testing.T) {
	s, mainline, labs := published(t)
	calls, errs, err := s.run(t)
	require.NoError(t, err, errs)
	const verify = " --certificate-oidc-issuer https://token.actions.githubusercontent.com" +
		` --certificate-identity-regexp ^https://github\.com/org/pullsafe/\.github/workflows/release\.yml@refs/tags/v`
	var signs, verifies []string
	for _, image := range []string{"ghcr.io/a/b@", "docker.io/a/b@"} {
		for _, d := range []string{mainline, labs} {
			signs = append(signs, "sign --yes "+image+d)
			verifies = append(verifies, "verify "+image+d+verify)
		}
	}
	lines := strings.Split(strings.TrimSpace(calls), "\n")
	require.Len(t, lines, 8)
	require.ElementsMatch(t, signs, lines[:4])
	require.ElementsMatch(t, verifies, lines[4:])

	root, err := harness.Checkout()
	require.NoError(t, err)
	docs, err := os.ReadFile(filepath.Join(root, "docs/releases.md"))
	require.NoError(t, err)
	for _, flag := range strings.Split(verify, " --")[1:] {
		name, value, _ := strings.Cut(flag, " ")
		require.Regexp(t, "--"+name+" '?"+regexp.QuoteMeta(value), string(docs))
	}
}

// TestSignFails: nothing to sign is not a release that was signed, and neither is one
// whose signature or tag is another.
func TestSignFails(t *testing.T) {
	good, mainline, labs := published(t)
	for name, tc := range map[string]struct {
		change func(*signing)
		want   string
		signed bool
	}{
		"no metadata":             {func(s *signing) { s.metadata = "" }, "nothing to sign", false},
		"metadata of nothing":     {func(s *signing) { s.metadata = "{}" }, "frontend-cross was built without a digest", false},
		"one without a digest":    {func(s *signing) { s.metadata = strings.ReplaceAll(s.metadata, labs, "") }, "frontend-labs-cross was built without a digest", false},
		"no digest":               {func(s *signing) { s.metadata = strings.ReplaceAll(s.metadata, labs, "latest") }, "frontend-labs-cross was built without a digest", false},
		"no release":              {func(s *signing) { s.release = "{}" }, "the release has no targets", false},
		"an empty release":        {func(s *signing) { s.release = "" }, "nothing to sign", false},
		"no tags":                 {func(s *signing) { s.release = `{"target":{"frontend-cross":{"tags":[]}}}` }, "frontend-cross has no tags", false},
		"cannot sign":             {func(s *signing) { s.fails = "sign*" }, "", true},
		"does not verify":         {func(s *signing) { s.fails = "verify*docker.io*" }, "is signed, but does not verify", true},
		"a tag of another digest": {func(s *signing) { s.tags["ghcr.io/a/b:1"] = labs }, "ghcr.io/a/b:1 is " + labs + ", but " + mainline + " was signed", true},
		"a tag that is missing":   {func(s *signing) { delete(s.tags, "docker.io/a/b:labs") }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			s.tags = maps.Clone(good.tags)
			tc.change(&s)
			calls, errs, err := s.run(t)
			require.Error(t, err, calls)
			require.Contains(t, errs, tc.want)
			require.Equal(t, tc.signed, calls != "", calls)
		})
	}
}
