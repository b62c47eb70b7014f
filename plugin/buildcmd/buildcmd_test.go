package buildcmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseArgs(t *testing.T) {
	for line, want := range map[string]Args{
		"":                                {},
		".":                               {Context: "."},
		"-":                               {Context: "-"},
		"-t app .":                        {Context: "."},
		"--tag app --push . ":             {Context: "."},
		"-qt app dir":                     {Context: "dir"},
		"-q --progress plain -f D.x ctx":  {Context: "ctx", File: "D.x"},
		"-fD.x ctx":                       {Context: "ctx", File: "D.x"},
		"-f=D.x ctx":                      {Context: "ctx", File: "D.x"},
		"--file=D.x ctx":                  {Context: "ctx", File: "D.x"},
		"--check ctx":                     {Context: "ctx"},
		"--call check ctx":                {Context: "ctx"},
		"--call=check ctx -f x":           {Context: "ctx", File: "x"},
		"--build-arg A=1 --build-arg=B .": {Context: ".", BuildArgs: []string{"A=1", "B"}},
		"--build-context a=b .":           {Context: ".", BuildContexts: []string{"a=b"}},
		"-- -f":                           {Context: "-f"},
		"--help":                          {Help: true},
		"-h .":                            {Help: true, Context: "."},
		"-t":                              {},
		"--label help .":                  {Context: "."},
	} {
		assert.Equal(t, want, ParseArgs(strings.Fields(line)), line)
	}
}

func environ(kv ...string) Environ {
	return func(name string) (string, bool) {
		for i := 0; i < len(kv); i += 2 {
			if kv[i] == name {
				return kv[i+1], true
			}
		}
		return "", false
	}
}

func TestChoose(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("Dockerfile", "FROM alpine\n")
	write("upstream", "# syntax=docker/dockerfile:1\nFROM alpine\n")
	write("digest", "#syntax=docker.io/docker/dockerfile:1.9@sha256:"+strings.Repeat("a", 64)+"\nFROM alpine\n")
	write("labs", "# check=skip=all\n# syntax=docker/dockerfile:1-labs\nFROM alpine\n")
	write("other", "# syntax=ghcr.io/azure/dalec/frontend:latest\nname: x\n")
	write("own", "# syntax=ghcr.io:443/org/pullsafe:1\nFROM alpine\n")
	write("mirror", "# syntax=ghcr.io/org/pullsafe:1\nFROM alpine\n")
	write("pinned own", "# syntax=org/pullsafe:1@sha256:"+strings.Repeat("a", 64)+"\nFROM alpine\n")
	write("evil", "# syntax=evil.test/org/pullsafe:1\nFROM alpine\n")
	write("evil hub", "# syntax=evil.test/docker/dockerfile:1\nFROM alpine\n")
	write("case", "# syntax=ghcr.io/Org/pullsafe:1\nFROM alpine\n")
	lower := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(lower, "dockerfile"), []byte("# syntax=evil.test/x\nFROM alpine\n"), 0o600))
	write("binary", "\xff\x00\x01")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	file := func(name string) []string { return []string{"-f", filepath.Join(dir, name), dir} }
	none := environ()

	for _, tc := range []struct {
		name     string
		args     []string
		env      Environ
		frontend string
		note     string
	}{
		{"plain", []string{dir}, none, "org/pullsafe:1.2.3", ""},
		{"no arguments", nil, none, "org/pullsafe:1.2.3", ""},
		{"upstream's syntax line", file("upstream"), none, "org/pullsafe:1.2.3", ""},
		{"upstream's, pinned", file("digest"), none, "", "pins the frontend docker.io/docker/dockerfile:1.9@sha256:" + strings.Repeat("a", 64) + " (line 1), so that one builds, not org/pullsafe:1.2.3; to replace it: --build-arg BUILDKIT_SYNTAX=org/pullsafe:1.2.3"},
		{"upstream's, pinned, image named", file("digest"), environ(FrontendEnv, "reg.test/x"), "", "to replace it: --build-arg BUILDKIT_SYNTAX=reg.test/x"},
		{"labs", file("labs"), none, "org/pullsafe:1.2.3-labs", ""},
		{"labs, image named", file("labs"), environ(FrontendEnv, "reg.test/x"), "reg.test/x", "PULLSAFE_FRONTEND says"},
		{"another frontend", file("other"), none, "", "ghcr.io/azure/dalec/frontend:latest (line 1)"},
		{"pullsafe already", file("own"), none, "", ""},
		{"pullsafe already, the other registry", file("mirror"), none, "", ""},
		{"pullsafe already, pinned", file("pinned own"), none, "", ""},
		{"pullsafe, but another is named", file("mirror"), environ(FrontendEnv, "reg.test/org/pullsafe"), "", "asks for the frontend ghcr.io/org/pullsafe:1 (line 1), so that one builds, not reg.test/org/pullsafe"},
		{"the path on another host", file("evil"), none, "", "asks for the frontend evil.test/org/pullsafe:1 (line 1), so that one builds, not org/pullsafe:1.2.3; to replace it: --build-arg BUILDKIT_SYNTAX=org/pullsafe:1.2.3"},
		{"the path on another host, the other registry named", file("evil"), environ(FrontendEnv, "ghcr.io/org/pullsafe:1"), "", "asks for the frontend evil.test/org/pullsafe:1"},
		{"upstream's path on another host", file("evil hub"), none, "", "asks for the frontend evil.test/docker/dockerfile:1"},
		{"not a name of an image", file("case"), none, "", "asks for the frontend ghcr.io/Org/pullsafe:1"},
		{"binary", file("binary"), none, "org/pullsafe:1.2.3", ""},
		{"a folder", file("folder"), none, "org/pullsafe:1.2.3", ""},
		{"missing", file("missing"), none, "org/pullsafe:1.2.3", ""},
		{"standard input", []string{"-"}, none, "org/pullsafe:1.2.3", "not read before the build, so org/pullsafe:1.2.3 builds, whatever its # syntax line says"},
		{"standard input beside a context", []string{"-f", "-", dir}, none, "org/pullsafe:1.2.3", "not read before the build"},
		{"a pipe", []string{"-f", os.DevNull, dir}, none, "org/pullsafe:1.2.3", "not read before the build"},
		{"url", []string{"-f", filepath.Join(dir, "other"), "https://github.com/x/y.git"}, none, "org/pullsafe:1.2.3", "not read before the build"},
		{"in lower case", []string{lower}, none, "", "evil.test/x (line 1)"},
		{"environment", []string{dir}, environ(FrontendEnv, "reg.test/x:2"), "reg.test/x:2", ""},
		{"empty environment", []string{dir}, environ(FrontendEnv, ""), "org/pullsafe:1.2.3", ""},
		{"build argument", append([]string{"--build-arg", "BUILDKIT_SYNTAX=a/b:1"}, dir), none, "", "--build-arg BUILDKIT_SYNTAX=a/b:1 is given"},
		{"build argument, the same", append([]string{"--build-arg", "BUILDKIT_SYNTAX=org/pullsafe:1.2.3"}, dir), none, "", ""},
		{"build argument from the environment", append([]string{"--build-arg", "BUILDKIT_SYNTAX"}, dir), environ("BUILDKIT_SYNTAX", "a/b:1"), "", "a/b:1 is given"},
		{"build argument without a value", append([]string{"--build-arg", "BUILDKIT_SYNTAX"}, dir), none, "org/pullsafe:1.2.3", ""},
		{"empty build argument", append([]string{"--build-arg", "BUILDKIT_SYNTAX="}, dir), none, "org/pullsafe:1.2.3", ""},
		{"build argument wins over the file", append([]string{"--build-arg", "BUILDKIT_SYNTAX=a/b:1"}, file("other")...), none, "", "a/b:1 is given"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Choose(ParseArgs(tc.args), "v1.2.3", tc.env)
			require.NoError(t, err)
			assert.Equal(t, tc.frontend, got.Frontend)
			if tc.note == "" {
				assert.Empty(t, got.Note)
			}
			assert.Contains(t, got.Note, tc.note)
			assert.NotContains(t, got.Note, "\n")
		})
	}
	_, err := Choose(Args{}, "v1.2.3", environ(FrontendEnv, "Not An Image"))
	require.ErrorContains(t, err, FrontendEnv)
	assert.Equal(t, "org/pullsafe:1", DefaultFrontend("v1.0.0-dev"))
}

func TestLine(t *testing.T) {
	p := Program{Path: "/usr/bin/docker", Args: []string{"--context", "x", "buildx"}}
	user := []string{"-t", "app", "--build-arg", "BUILDKIT_SYNTAX=", "."}
	assert.Equal(t, append([]string{"/usr/bin/docker", "--context", "x", "buildx", "build", "--build-arg", "BUILDKIT_SYNTAX=org/pullsafe:1"}, user...),
		p.Line(Choice{Frontend: "org/pullsafe:1"}, "", user))
	assert.Equal(t, []string{
		"buildx", "build", "--build-arg", "BUILDKIT_SYNTAX=ghcr.io/org/pullsafe:1",
		"--build-context", "ghcr.io/org/pullsafe:1=docker-image://GHCR.IO/org/pullsafe:1", ".",
	}, Program{Path: "buildx"}.Line(Choice{Frontend: "ghcr.io/org/pullsafe:1"}, "GHCR.IO/org/pullsafe:1", []string{"."}))
	assert.Equal(t, []string{"buildx", "build", "."}, Program{Path: "buildx"}.Line(Choice{}, "", []string{"."}))
}

func TestGlobalFlags(t *testing.T) {
	rest := []string{"-t", "x", "."}
	for line, want := range map[string][]string{
		"docker-pullsafe pullsafe build":                    nil,
		"docker-pullsafe build":                             nil,
		"docker-pullsafe --context pullsafe pullsafe build": {"--context", "pullsafe"},
		"docker-pullsafe -H tcp://x:1 -D pullsafe build":    {"-H", "tcp://x:1", "-D"},
	} {
		assert.Equal(t, want, GlobalFlags(append(strings.Fields(line), rest...), rest), line)
	}
}

func TestEnvironment(t *testing.T) {
	assert.Equal(t, []string{"A=1", "DOCKER_HOST=x"}, Environment([]string{
		"A=1", "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND=docker", "DOCKER_CLI_PLUGIN_SOCKET=@x", "DOCKER_HOST=x",
	}))
}

func TestFind(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	yes, no := func() bool { return true }, func() bool { return false }
	_, err := Find("docker", nil, yes)
	require.ErrorContains(t, err, "buildx is missing")
	program := func(name string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
		return path
	}
	buildx := program("buildx")
	p, err := Find("docker", []string{"-D"}, yes)
	require.NoError(t, err)
	assert.Equal(t, Program{Path: buildx}, p)
	docker := program("docker")
	p, err = Find("docker", []string{"-D"}, yes)
	require.NoError(t, err)
	assert.Equal(t, Program{Path: docker, Args: []string{"-D", "buildx"}}, p)
	p, err = Find("docker", nil, no)
	require.NoError(t, err)
	assert.Equal(t, Program{Path: buildx}, p, "docker without the plugin")
}

func TestRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	var out, errOut bytes.Buffer
	err := Run(t.Context(), []string{"/bin/sh", "-c", "cat; echo $X >&2; exit 7"}, []string{"X=err"}, Streams{In: strings.NewReader("in"), Out: &out, Err: &errOut})
	var status cli.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, 7, status.StatusCode)
	assert.Empty(t, status.Status, "the program has said what there is to say")
	assert.Equal(t, "in", out.String())
	assert.Equal(t, "err\n", errOut.String())
	require.NoError(t, Run(t.Context(), []string{"/bin/true"}, nil, Streams{}))
	require.Error(t, Run(t.Context(), []string{"/nonexistent"}, nil, Streams{}))
}

// started tells when the program has begun.
type started struct{ begun chan struct{} }

// Write implements io.Writer.
func (s *started) Write(p []byte) (int, error) {
	select {
	case <-s.begun:
	default:
		close(s.begun)
	}
	return len(p), nil
}

// TestRunEndsWithTheContext: the Docker CLI ends its plugins over a socket, which
// ends the context; the program has to be told.
func TestRunEndsWithTheContext(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	out := &started{make(chan struct{})}
	result := make(chan error, 1)
	go func() {
		result <- Run(ctx, []string{"/bin/sh", "-c", "trap 'exit 9' TERM; echo; while :; do sleep 0.05; done"}, nil, Streams{Out: out})
	}()
	<-out.begun
	cancel(errors.New("stop"))
	select {
	case err := <-result:
		var status cli.StatusError
		require.ErrorAs(t, err, &status)
		assert.Equal(t, 9, status.StatusCode)
	case <-time.After(30 * time.Second):
		t.Fatal("the program goes on")
	}
}
