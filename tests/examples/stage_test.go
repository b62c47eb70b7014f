package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// stage is what the examples are built on: a daemon, and registries under the
// names of the real ones.
type stage struct {
	daemon     *harness.Buildkitd
	registries map[string]*harness.Registry
	stale      *harness.DockerConfig

	dir     string
	outputs strings.Builder
}

// mirror is the registry of a network without a way out.
const mirror = "registry.example.com"

// refused is true for the repository that does not take the team's login,
// although it needs none.
func refused(repository string) bool { return repository == "astral-sh/ruff" }

func newStage(t *testing.T) *stage {
	t.Helper()
	_, _, d := world.FreshDaemon(t)
	s := &stage{daemon: d, registries: map[string]*harness.Registry{"docker.io": shared.Hub}}
	ghcr := harness.GHCR()
	ghcr.Access = func(user, repository string) bool {
		if user == "" {
			return !harness.PrivateRepository(repository)
		}
		return !refused(repository)
	}
	for host, opt := range map[string]harness.RegistryOpt{
		"ghcr.io":        ghcr,
		"quay.io":        {Hosts: []string{"quay.io"}, Mode: harness.ModeToken},
		"gcr.io":         {Hosts: []string{"gcr.io"}, Mode: harness.ModeToken},
		"public.ecr.aws": {Hosts: []string{"public.ecr.aws"}, Mode: harness.ModeToken},
		mirror:           {Hosts: []string{mirror}, Mode: harness.ModeToken},
	} {
		reg, err := shared.GHCR.Front(t.Context(), opt)
		require.NoError(t, err)
		t.Cleanup(reg.Disconnect)
		s.registries[host] = reg
	}
	s.pushStandIns(t)
	s.stale = world.StaleLogin(t, harness.T(t), "ghcr.io", "quay.io", "gcr.io", "public.ecr.aws", mirror)
	return s
}

// begin forgets what the last example did.
func (s *stage) begin(t *testing.T, name string) {
	t.Helper()
	s.dir = filepath.Join(root(t), name)
	s.outputs.Reset()
	for _, reg := range s.registries {
		reg.ResetRequests()
	}
	harness.T(t).Network.ResetRefused()
}

// buildx runs buildx in the folder of the example on the shared daemon.
func (s *stage) buildx(t *testing.T, login *harness.DockerConfig, args ...string) *harness.Output {
	t.Helper()
	return s.buildxWith(t, harness.CommandOpt{Args: args, DockerConfig: login})
}

func (s *stage) buildxWith(t *testing.T, opt harness.CommandOpt) *harness.Output {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = s.dir
	}
	opt.Env = append(opt.Env, "NO_COLOR=1")
	out, err := s.daemon.Buildx(t.Context(), opt)
	require.NoError(t, err)
	s.outputs.WriteString(out.Stdout + out.Stderr)
	return out
}

// builds is buildx for a build that passes; it returns the result's files.
func (s *stage) builds(t *testing.T, login *harness.DockerConfig, args ...string) func(file string) string {
	t.Helper()
	dir := t.TempDir()
	args = append([]string{"build", "--progress=plain", "--output=type=local,dest=" + dir}, args...)
	out := s.buildx(t, login, append(args, ".")...)
	require.Zero(t, out.Code, out.Stderr)
	return func(file string) string {
		text, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		return string(text)
	}
}

// requireAnonymous asserts that the image came from the host under the other
// spelling and with nobody's credentials.
func (s *stage) requireAnonymous(t *testing.T, host, repository, spelling string) {
	t.Helper()
	world.RequireAnonymousPull(t, s.registries[host], repository, spelling)
}

// requireWarned asserts that the warning about the host names the image.
func requireWarned(t *testing.T, out *harness.Output, host, ref string) {
	t.Helper()
	require.Regexp(t, "RegistryCredentialsRejected: "+regexp.QuoteMeta(host)+" rejected the stored credentials; resolved .*"+
		regexp.QuoteMeta(ref)+".* without them", out.Stderr)
}

// requireShown asserts that each line that the example's README shows as output was
// printed by a build of the test.
func (s *stage) requireShown(t *testing.T) {
	t.Helper()
	s.requirePrinted(t, filepath.Join(s.dir, "README.md"))
}

// requirePrinted asserts the same of any file.
func (s *stage) requirePrinted(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	seen := spaces.ReplaceAllString(s.outputs.String(), " ")
	for _, line := range outputLines(string(text)) {
		require.Contains(t, seen, spaces.ReplaceAllString(line, " "), "%s shows a line that no build has printed; they printed:\n%s", file, s.outputs.String())
	}
}

var (
	spaces = regexp.MustCompile(`[ \t]+`)
	fences = regexp.MustCompile("(?s)```text\n(.*?)```")
)

// outputLines are the lines in the text blocks of a README that a program
// printed: commands and ellipses are left out.
func outputLines(readme string) []string {
	var lines []string
	for _, block := range fences.FindAllStringSubmatch(readme, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			if line != "" && line != "..." && !strings.HasPrefix(line, "$ ") {
				lines = append(lines, line)
			}
		}
	}
	return slices.Compact(lines)
}
