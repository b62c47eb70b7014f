package install

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// usesFrontend tells whether a log has the step that loads the image.
func usesFrontend(log, image string) bool { return strings.Contains(log, "docker-image://"+image) }

// TestFrontendOfABuild: which frontend builds what.
func TestFrontendOfABuild(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		m.install()
		other := "# syntax=" + shared.Upstream + "\nFROM alpine:3.23\n"
		for _, tc := range []struct {
			name     string
			opt      harness.CommandOpt
			args     []string
			pullsafe bool
			note     string
		}{
			{"plain", files("FROM alpine:3.23\n"), []string{"."}, true, ""},
			{"another frontend", files(other), []string{"."}, false, "asks for the frontend " + shared.Upstream},
			{"another frontend, on standard input", harness.CommandOpt{Stdin: other}, []string{"-"}, false, "asks for the frontend " + shared.Upstream},
			{"another frontend, beside the context", harness.CommandOpt{Stdin: other}, []string{"-f", "-", "."}, false, "asks for the frontend " + shared.Upstream},
			{"standard input", harness.CommandOpt{Stdin: "FROM alpine:3.23\n"}, []string{"-"}, true, ""},
			{"standard input beside the context", harness.CommandOpt{Stdin: "FROM alpine:3.23\nCOPY x /\n", Files: map[string]string{"x": ""}}, []string{"-f-", "."}, true, ""},
			{"an archive", harness.CommandOpt{Stdin: archive(t, "FROM alpine:3.23\n")}, []string{"-"}, false, "is not read before the build"},
			{"build argument", files("FROM alpine:3.23\n"), []string{"--build-arg=BUILDKIT_SYNTAX=" + shared.Upstream, "."}, false, "is set; building with that frontend"},
		} {
			t.Run(tc.name, func(t *testing.T) {
				out := m.docker(tc.opt, append([]string{"build", "--progress=plain"}, tc.args...)...)
				require.Equal(t, tc.pullsafe, usesFrontend(out.Stderr, shared.Pullsafe), out.Stderr)
				if tc.note == "" {
					require.NotContains(t, out.Stderr, "pullsafe: ")
				}
				require.Contains(t, out.Stderr, tc.note)
			})
		}
		out := m.with(files("FROM ghcr.io/acme/private-base:1\n"), "image", "build", ".")
		require.Equal(t, 1, out.Code)
		require.Contains(t, out.Stderr, "the anonymous fallback was denied")
	})
}

func archive(t *testing.T, dockerfile string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "Dockerfile", Size: int64(len(dockerfile)), Mode: 0o644}))
	_, err := w.Write([]byte(dockerfile))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// TestBake: each target has the frontend that it would have as a build.
func TestBake(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		m.install()
		const bake = `group "default" { targets = ["uv", "other", "arg"] }
target "uv" { dockerfile = "Dockerfile" }
target "other" { dockerfile = "other" }
target "arg" {
  dockerfile-inline = "FROM alpine:3.23"
  args = { BUILDKIT_SYNTAX = "UPSTREAM" }
}
`
		opt := harness.CommandOpt{Files: map[string]string{
			"Dockerfile": uvDockerfile, "other": "# syntax=" + shared.Upstream + "\nFROM alpine:3.23\n",
			"docker-bake.hcl": strings.ReplaceAll(bake, "UPSTREAM", shared.Upstream),
		}}
		command := []string{"bake", "--progress=plain"}
		if m.kind.tool == harness.ToolEngine {
			command = append([]string{"builder"}, command...) // there is no `docker bake` yet
		}
		shared.Reset()
		out := m.docker(opt, command...)
		require.True(t, usesFrontend(out.Stderr, shared.Pullsafe), out.Stderr)
		require.True(t, usesFrontend(out.Stderr, shared.Upstream), out.Stderr)
		require.Contains(t, out.Stderr, "pullsafe: target other: the Dockerfile asks for the frontend "+shared.Upstream)
		require.Contains(t, out.Stderr, "pullsafe: target arg: BUILDKIT_SYNTAX="+shared.Upstream+" is set")
		requireAnonymous(t, shared.GHCR, "astral-sh/uv")

		opt.Stdin = opt.Files["docker-bake.hcl"]
		out = m.docker(opt, append(command, "-f", "-", "uv")...)
		require.True(t, usesFrontend(out.Stderr, shared.Pullsafe), out.Stderr)
		require.NotContains(t, out.Stderr, "target other")
		opt.Stdin = "target {"
		out = m.with(opt, append(command, "-f", "-")...)
		require.NotZero(t, out.Code)
		require.NotContains(t, out.Stderr, "pullsafe", "what is wrong is buildx's to say")
	})
}

// TestNoCredentials: nothing can be rejected, so that the daemon's own frontend, which
// needs no container, builds a Dockerfile that asks for none.
func TestNoCredentials(t *testing.T) {
	m := newMachine(t, kinds[0])
	m.docker(harness.CommandOpt{}, "logout", "ghcr.io")
	m.install()
	out := m.docker(files("FROM ghcr.io/acme/base:1\n"), "build", "--progress=plain", ".")
	require.NotContains(t, out.Stderr, "pullsafe")
	out = m.docker(files("# syntax=docker/dockerfile:1\nFROM ghcr.io/acme/base:1\n"), "build", "--progress=plain", ".")
	require.True(t, usesFrontend(out.Stderr, shared.Pullsafe), "in place of another image")
	out = m.with(files("FROM ghcr.io/acme/private-base:1\n"), "build", "--progress=plain", ".")
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stderr, "docker login ghcr.io", "what a registry has denied is explained: %s", out.Stderr)
}

// TestAccepted: a build whose credentials were accepted is left to the daemon's own
// frontend, until they are rejected.
func TestAccepted(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		users := map[string]string{harness.GoodUser: harness.GoodPassword}
		reg, err := shared.GHCR.Front(t.Context(), harness.RegistryOpt{Hosts: []string{"accepted.test"}, Mode: harness.ModeToken, Users: users})
		require.NoError(t, err)
		t.Cleanup(reg.Disconnect)
		m.docker(harness.CommandOpt{Stdin: harness.GoodPassword}, "login", "-u", harness.GoodUser, "--password-stdin", "accepted.test")
		m.install()
		dir, err := m.e.WriteFiles(map[string]string{"Dockerfile": "FROM accepted.test/acme/base:1\n"})
		require.NoError(t, err)
		build := func() string {
			return m.docker(harness.CommandOpt{Dir: dir}, "build", "--progress=plain", ".").Stderr
		}
		require.True(t, usesFrontend(build(), shared.Pullsafe), "the first time")
		out := build()
		require.Equal(t, !m.kind.hasHistory, usesFrontend(out, shared.Pullsafe), "%s", out)
		require.NotContains(t, out, "pullsafe: ")
		users[harness.GoodUser] = "another password"
		reg.RevokeTokens()
		out = build()
		require.True(t, usesFrontend(out, shared.Pullsafe), out)
		require.Contains(t, out, "accepted.test rejected the stored credentials")
		if m.kind.hasHistory {
			require.Contains(t, out, "pullsafe: access to accepted.test failed; building again with the pullsafe frontend")
		}
		out = build()
		require.NotContains(t, out, "any more", "once")
		require.True(t, usesFrontend(out, shared.Pullsafe), out)
	})
}

// TestNoFrontend: where the frontend image cannot be had, a build is as it would be
// without pullsafe, and one line says so.
func TestNoFrontend(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		m.install()
		good := files("FROM alpine:3.23\n")
		for _, tc := range []struct{ name, image, why string }{
			{"missing", shared.Local.Addr + "/org/missing:1", "has no such image or tag"},
			{"no registry", "127.0.0.1:1/org/pullsafe:1", "connection refused"},
			{"private", "ghcr.io/acme/private-base:1", "ghcr.io rejected the stored credentials"},
			{"no frontend", "ghcr.io/acme/base:1", ""},
		} {
			t.Run(tc.name, func(t *testing.T) {
				opt := good
				opt.Env = []string{"PULLSAFE_FRONTEND=" + tc.image}
				for range 2 {
					out := m.docker(opt, "build", "--progress=plain", ".")
					lines := strings.Split(out.Stderr, "\n")
					require.Regexp(t, "^pullsafe: the frontend image "+regexp.QuoteMeta(tc.image)+" is not available \\(.+\\); building with the Dockerfile's own frontend$", lines[0])
					require.Contains(t, lines[0], tc.why)
					require.NotContains(t, out.Stderr, "ERROR")
					require.Equal(t, 1, strings.Count(out.Stderr, "pullsafe: "))
				}
			})
		}
	})
}

// TestFrontendUnderARefusedLogin: the image is in a registry that refuses the login, and
// that does not serve one spelling of its host.
func TestFrontendUnderARefusedLogin(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		_, err := m.e.PushFrontend(t.Context(), shared.GHCR, "org/pullsafe:1")
		require.NoError(t, err)
		const host = "frontend.test"
		reg, err := shared.GHCR.Front(t.Context(), harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeToken, RefuseHost: func(h string) int {
			if strings.HasPrefix(h, "FRONTEND") {
				return 503
			}
			return 0
		}})
		require.NoError(t, err)
		t.Cleanup(reg.Disconnect)
		const image = host + "/org/pullsafe:1"
		m.env = append(m.env, "PULLSAFE_FRONTEND="+image)
		m.cfg = configWith(t, m.e, nil, host)
		m.install()
		reg.ResetRequests()
		out := m.docker(files("FROM alpine:3.23\n"), "build", "--progress=plain", ".")
		require.Contains(t, out.Stderr, "pullsafe: "+host+" rejected the stored credentials; resolved "+image+" without them. Run: docker logout "+host+"\n")
		require.True(t, usesFrontend(out.Stderr, host+":443/org/pullsafe"), out.Stderr)
		require.Empty(t, reg.Requests().Blobs("org/pullsafe").WithCredentials())
		require.NotEmpty(t, reg.Requests().Blobs("org/pullsafe"))
		reg.ResetRequests()
		out = m.docker(files("FROM alpine:3.23\n"), "build", "--progress=plain", ".")
		require.NotContains(t, out.Stderr, "pullsafe: ", "it has been said")
		require.Empty(t, reg.Requests(), "and nobody is asked again")
	})
}

// TestFrontendThatIsGone: the registry of the image is gone, and then the engine has
// lost the image too.
func TestFrontendThatIsGone(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		reg, err := shared.Local.Front(t.Context(), harness.RegistryOpt{Hosts: []string{"gone.test"}, Mode: harness.ModeOpen})
		require.NoError(t, err)
		t.Cleanup(reg.Disconnect)
		m.env = append(m.env, "PULLSAFE_FRONTEND=gone.test/org/pullsafe:latest")
		m.install()
		build := func() string {
			return m.docker(files("FROM alpine:3.23\n"), "build", "--progress=plain", ".").Stderr
		}
		require.True(t, usesFrontend(build(), "gone.test/"))
		reg.SetFault(harness.FaultReset())
		require.True(t, usesFrontend(build(), "gone.test/"), "the engine has it")
		m.docker(harness.CommandOpt{}, "builder", "prune", "-af")
		require.Contains(t, build(), "pullsafe: the frontend image gone.test/org/pullsafe:latest is not available")
	})
}

// TestClassic: what has to be built without BuildKit, or without buildx, is.
func TestClassic(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		m.install()
		opt := files("FROM alpine:3.23\n")
		opt.Env = []string{"DOCKER_BUILDKIT=0"}
		out := m.docker(opt, "build", "-t", "classic", ".")
		require.Contains(t, out.Stdout, "Successfully tagged classic:latest")
		require.NoError(t, os.Remove(filepath.Join(m.cfg.Dir, "cli-plugins", "docker-buildx")))
		m.env = append(m.env, "PATH=/usr/bin:/bin") // the tests have a buildx there
		out = m.docker(files("FROM alpine:3.23\n"), "build", "-t", "nobuildx", ".")
		require.Contains(t, out.Stderr, "pullsafe: buildx is not installed, so docker builds without pullsafe")
		require.Contains(t, out.Stdout, "Successfully tagged nobuildx:latest")
		m.docker(harness.CommandOpt{}, "builder", "prune", "-f")
		left, err := filepath.Glob(filepath.Join(os.TempDir(), "pullsafe-config-*"))
		require.NoError(t, err)
		require.Empty(t, left)
	})
}
