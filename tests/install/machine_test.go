package install

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// kind is a Docker Engine with its own client.
type kind struct {
	name, tool string
	start      func(*harness.Env, context.Context, ...string) (*harness.Dockerd, error)
	// hasHistory: the engine keeps a record of builds.
	hasHistory bool
}

// kinds begins with the one of today.
var kinds = []kind{
	{"Engine 29, client 29.9.3", harness.ToolEngine29, (*harness.Env).StartEngine29, true},
	{"Engine 20.10, Debian's client", harness.ToolEngine, (*harness.Env).StartDockerd, false},
}

// machine is a Docker Engine that has seen nothing, a client, and a configuration with
// buildx and pullsafe as plugins.
type machine struct {
	t    *testing.T
	e    *harness.Env
	d    *harness.Dockerd
	cfg  *harness.DockerConfig
	kind kind
	env  []string
}

// each runs a test on each kind of machine, but on an old one only with -full.
func each(t *testing.T, f func(t *testing.T, m *machine)) {
	t.Helper()
	for i, k := range kinds {
		if i > 0 && !world.Full() {
			break
		}
		t.Run(k.name, func(t *testing.T) { f(t, newMachine(t, k)) })
	}
}

func newMachine(t *testing.T, k kind) *machine {
	t.Helper()
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(k.tool))
	d, err := k.start(e, t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Stop(context.WithoutCancel(t.Context()))) })
	harness.LogOnFailure(t, d.Process)
	shared.Reset()
	return &machine{t: t, e: e, d: d, kind: k, cfg: configWith(t, e, nil), env: []string{
		"NO_COLOR=1", "BUILDX_CONFIG=" + t.TempDir(), "PULLSAFE_FRONTEND=" + shared.Pullsafe,
	}}
}

// configWith is a configuration with both plugins, refused logins for ghcr.io and other
// hosts, and more.
func configWith(t *testing.T, e *harness.Env, extra map[string]any, hosts ...string) *harness.DockerConfig {
	t.Helper()
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	all := map[string]any{"unknown": []any{1, nil}}
	maps.Copy(all, extra)
	auths := map[string]harness.Login{"ghcr.io": harness.Stale}
	for _, host := range hosts {
		auths[host] = harness.Stale
	}
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{Auths: auths, Extra: all})
	require.NoError(t, err)
	plugins := filepath.Join(cfg.Dir, "cli-plugins")
	require.NoError(t, os.Mkdir(plugins, 0o755))
	require.NoError(t, os.Symlink(program, filepath.Join(plugins, "docker-pullsafe")))
	require.NoError(t, os.Symlink(e.Tools.Path(harness.ToolBuildx), filepath.Join(plugins, "docker-buildx")))
	return cfg
}

// with runs docker.
func (m *machine) with(opt harness.CommandOpt, args ...string) *harness.Output {
	m.t.Helper()
	opt.Args, opt.DockerConfig = args, m.cfg
	opt.Env = append(append([]string{}, m.env...), opt.Env...)
	out, err := m.d.Docker(m.t.Context(), opt)
	require.NoError(m.t, err)
	return out
}

// docker runs docker, which has to succeed.
func (m *machine) docker(opt harness.CommandOpt, args ...string) *harness.Output {
	m.t.Helper()
	out := m.with(opt, args...)
	require.Zero(m.t, out.Code, "docker %v:\n%s\n%s", args, out.Stdout, out.Stderr)
	return out
}

func (m *machine) config() string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.cfg.Dir, "config.json"))
	require.NoError(m.t, err)
	return string(text)
}

func (m *machine) install() {
	m.t.Helper()
	m.docker(harness.CommandOpt{}, "pullsafe", "install", "--yes")
}

// uvDockerfile has no RUN: the engines of the tests have no network for containers.
const uvDockerfile = "FROM alpine:3.23\nCOPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /bin/uv\n"

func files(text string) harness.CommandOpt {
	return harness.CommandOpt{Files: world.Dockerfile(text)}
}

// requireAnonymous asserts that the stored credentials were tried, and that the content
// of the repository came without any.
func requireAnonymous(t *testing.T, reg *harness.Registry, repository string) {
	t.Helper()
	seen := reg.Requests()
	require.NotEmpty(t, seen.WithCredentials(), "%s", seen)
	require.NotEmpty(t, seen.Blobs(repository), "%s", seen)
	require.Empty(t, seen.Blobs(repository).WithCredentials(), "%s", seen)
}
