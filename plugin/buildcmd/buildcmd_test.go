package buildcmd

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
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
		"--check ctx":                     {Context: "ctx", Call: "check"},
		"--call check ctx":                {Context: "ctx", Call: "check"},
		"--call=check ctx -f x":           {Context: "ctx", File: "x", Call: "check"},
		"--builder b ctx":                 {Context: "ctx", Builder: "b"},
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
		{"upstream's, pinned", file("digest"), none, "", "pins the frontend docker.io/docker/dockerfile:1.9@sha256:" + strings.Repeat("a", 64) + " (line 1); building with that one instead of org/pullsafe:1.2.3; to replace it: --build-arg BUILDKIT_SYNTAX=org/pullsafe:1.2.3"},
		{"upstream's, pinned, image named", file("digest"), environ(FrontendEnv, "reg.test/x"), "", "to replace it: --build-arg BUILDKIT_SYNTAX=reg.test/x"},
		{"labs", file("labs"), none, "org/pullsafe:1.2.3-labs", ""},
		{"labs, image named", file("labs"), environ(FrontendEnv, "reg.test/x"), "reg.test/x", "PULLSAFE_FRONTEND says"},
		{"another frontend", file("other"), none, "", "ghcr.io/azure/dalec/frontend:latest (line 1)"},
		{"pullsafe already", file("own"), none, "", ""},
		{"pullsafe already, the other registry", file("mirror"), none, "", ""},
		{"pullsafe already, pinned", file("pinned own"), none, "", ""},
		{"pullsafe, but another is named", file("mirror"), environ(FrontendEnv, "reg.test/org/pullsafe"), "", "asks for the frontend ghcr.io/org/pullsafe:1 (line 1); building with that one instead of reg.test/org/pullsafe"},
		{"the path on another host", file("evil"), none, "", "asks for the frontend evil.test/org/pullsafe:1 (line 1); building with that one instead of org/pullsafe:1.2.3; to replace it: --build-arg BUILDKIT_SYNTAX=org/pullsafe:1.2.3"},
		{"the path on another host, the other registry named", file("evil"), environ(FrontendEnv, "ghcr.io/org/pullsafe:1"), "", "asks for the frontend evil.test/org/pullsafe:1"},
		{"upstream's path on another host", file("evil hub"), none, "", "asks for the frontend evil.test/docker/dockerfile:1"},
		{"not a name of an image", file("case"), none, "", "asks for the frontend ghcr.io/Org/pullsafe:1"},
		{"binary", file("binary"), none, "org/pullsafe:1.2.3", ""},
		{"a folder", file("folder"), none, "org/pullsafe:1.2.3", ""},
		{"missing", file("missing"), none, "org/pullsafe:1.2.3", ""},
		{"an archive on standard input", []string{"-"}, none, "", "not read before the build; building with the frontend of its # syntax line; to build with pullsafe: --build-arg BUILDKIT_SYNTAX=org/pullsafe:1.2.3"},
		{"a pipe", []string{"-f", os.DevNull, dir}, none, "", "not read before the build"},
		{"url", []string{"https://github.com/x/y.git"}, none, "", "not read before the build"},
		{"url, with a file in it", []string{"-f", "Dockerfile", "https://github.com/x/y.git"}, none, "", "not read before the build"},
		{"url, with a file of this machine", []string{"-f", filepath.Join(dir, "labs"), "https://github.com/x/y.git"}, none, "org/pullsafe:1.2.3-labs", ""},
		{"in lower case", []string{lower}, none, "", "evil.test/x (line 1)"},
		{"environment", []string{dir}, environ(FrontendEnv, "reg.test/x:2"), "reg.test/x:2", ""},
		{"empty environment", []string{dir}, environ(FrontendEnv, ""), "org/pullsafe:1.2.3", ""},
		{"build argument", append([]string{"--build-arg", "BUILDKIT_SYNTAX=a/b:1"}, dir), none, "", "--build-arg BUILDKIT_SYNTAX=a/b:1 is set"},
		{"build argument, the same", append([]string{"--build-arg", "BUILDKIT_SYNTAX=org/pullsafe:1.2.3"}, dir), none, "", ""},
		{"build argument from the environment", append([]string{"--build-arg", "BUILDKIT_SYNTAX"}, dir), environ("BUILDKIT_SYNTAX", "a/b:1"), "", "a/b:1 is set"},
		{"build argument without a value", append([]string{"--build-arg", "BUILDKIT_SYNTAX"}, dir), none, "org/pullsafe:1.2.3", ""},
		{"empty build argument", append([]string{"--build-arg", "BUILDKIT_SYNTAX="}, dir), none, "org/pullsafe:1.2.3", ""},
		{"build argument wins over the file", append([]string{"--build-arg", "BUILDKIT_SYNTAX=a/b:1"}, file("other")...), none, "", "a/b:1 is set"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Choose(ParseArgs(tc.args), nil, "v1.2.3", tc.env)
			require.NoError(t, err)
			assert.Equal(t, tc.frontend, got.Frontend)
			if tc.note == "" {
				assert.Empty(t, got.Note)
			}
			assert.Contains(t, got.Note, tc.note)
			assert.NotContains(t, got.Note, "\n")
		})
	}
	_, err := Choose(Args{}, nil, "v1.2.3", environ(FrontendEnv, "Not An Image"))
	require.ErrorContains(t, err, FrontendEnv)
	assert.Equal(t, "org/pullsafe:1", DefaultFrontend("v1.0.0-dev"))
}

func TestChooseStdin(t *testing.T) {
	for _, args := range [][]string{{"-"}, {"-f", "-", "."}, {"-f-", "https://github.com/x/y.git"}} {
		for text, want := range map[string]Choice{
			"FROM alpine":                          {Frontend: "org/pullsafe:1.2.3", Plain: true},
			"":                                     {Frontend: "org/pullsafe:1.2.3", Plain: true},
			"# syntax=docker/dockerfile:1\nFROM x": {Frontend: "org/pullsafe:1.2.3"},
			"# syntax=ghcr.io/org/pullsafe:1\nFROM x": {},
		} {
			got, err := Choose(ParseArgs(args), []byte(text), "v1.2.3", environ())
			require.NoError(t, err)
			assert.Equal(t, want, got, "%v %q", args, text)
		}
		got, err := Choose(ParseArgs(args), []byte("# syntax=evil.test/x\nFROM x"), "v1.2.3", environ())
		require.NoError(t, err)
		assert.Empty(t, got.Frontend)
		assert.Contains(t, got.Note, "asks for the frontend evil.test/x (line 1)")
	}
}

func TestReadStdin(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "Dockerfile", Size: 3, Mode: 0o600}))
	_, err := w.Write([]byte("abc"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for _, tc := range []struct {
		name, text string
		known      bool
	}{
		{"empty", "", true},
		{"short", "FROM a", true},
		{"long", strings.Repeat("# line\n", 10000), true},
		{"gzip", "\x1f\x8b\x08" + strings.Repeat("x", 5000), false},
		{"tar", archive.String(), false},
		{"too long", strings.Repeat("# line\n", maxStdin/7+1000), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in, err := ReadStdin(strings.NewReader(tc.text))
			require.NoError(t, err)
			require.Equal(t, tc.known, in.Text != nil)
			for range 2 {
				all, err := io.ReadAll(in.Again())
				require.NoError(t, err)
				require.Equal(t, tc.text, string(all))
				if !tc.known {
					break
				}
			}
		})
	}
	require.Nil(t, (*Stdin)(nil).Again())
	require.Nil(t, (*Stdin)(nil).Rewound())
}

func TestChooseBake(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM alpine\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), []byte("# syntax=evil.test/x\nFROM alpine\n"), 0o600))
	dir = filepath.ToSlash(dir) // in JSON
	printed := `{"target": {
		"args": {"context": "` + dir + `", "args": {"BUILDKIT_SYNTAX": "a/b", "X": null}},
		"empty": {"context": "` + dir + `", "args": {"BUILDKIT_SYNTAX": null}},
		"inline": {"dockerfile-inline": "# syntax=docker/dockerfile:1-labs\nFROM x", "context": "https://example.com/x.git"},
		"local": {"context": "` + dir + `", "dockerfile": "Dockerfile"},
		"other": {"context": "cwd://` + dir + `", "dockerfile": "other"},
		"own": {"dockerfile-inline": "FROM x", "args": {"BUILDKIT_SYNTAX": "org/pullsafe:1.2.3"}},
		"remote": {"context": "https://example.com/x.git", "dockerfile": "Dockerfile"}}}`
	list, err := ChooseBake([]byte(printed), "v1.2.3", environ())
	require.NoError(t, err)
	var got []string
	for _, c := range list {
		got = append(got, c.Target+" "+c.Frontend+" "+c.Note)
	}
	require.Equal(t, []string{
		"args  pullsafe: target args: BUILDKIT_SYNTAX=a/b is set; building with that frontend instead of org/pullsafe:1.2.3",
		"empty org/pullsafe:1.2.3 ",
		"inline org/pullsafe:1.2.3-labs ",
		"local org/pullsafe:1.2.3 ",
		"other  pullsafe: target other: the Dockerfile asks for the frontend evil.test/x (line 1); building with that one instead of org/pullsafe:1.2.3; to replace it: --set other.args.BUILDKIT_SYNTAX=org/pullsafe:1.2.3",
		"own  ",
		"remote  pullsafe: target remote: the Dockerfile is not read before the build; building with the frontend of its # syntax line; to build with pullsafe: --set remote.args.BUILDKIT_SYNTAX=org/pullsafe:1.2.3",
	}, got)
	_, err = ChooseBake([]byte("no json"), "v1.2.3", environ())
	require.Error(t, err)
}

func TestParseBakeArgs(t *testing.T) {
	for line, want := range map[string]BakeArgs{
		"":                       {},
		"-f - app":               {Stdin: true},
		"-f=- app":               {Stdin: true},
		"--file docker-bake.hcl": {},
		"--print":                {Asks: true},
		"--list targets":         {Asks: true},
		"app --help":             {Asks: true},
		"--set *.args.X=- --push --builder b --call=check -- --print": {Builder: "b", Call: "check"},
	} {
		assert.Equal(t, want, ParseBakeArgs(strings.Fields(line)), line)
	}
}

func TestParseCall(t *testing.T) {
	attribute := func(path string) Environ {
		return environ("OTEL_RESOURCE_ATTRIBUTES", "a=b,docker.cli.cobra.command_path=docker%20pullsafe,docker.cli.cobra.command_path="+path)
	}
	for _, tc := range []struct {
		line   string
		env    Environ
		global []string
		args   []string
		via    Via
	}{
		{"pullsafe build -t x .", environ(), []string{}, []string{"build", "-t", "x", "."}, Unsure},
		{"pullsafe build .", attribute("docker%20pullsafe"), []string{}, []string{"build", "."}, Direct},
		{"pullsafe build .", attribute("docker"), []string{}, []string{"build", "."}, Alias},
		{"pullsafe prune -f", attribute("docker%20builder"), []string{}, []string{"prune", "-f"}, Alias},
		{"--context pullsafe -D pullsafe build", attribute("docker"), []string{"--context", "pullsafe", "-D"}, []string{"build"}, Alias},
		{"-H tcp://x:1 --config=/c pullsafe", attribute("docker"), []string{"-H", "tcp://x:1", "--config=/c"}, []string{}, Alias},
	} {
		c, err := ParseCall(strings.Fields(tc.line), tc.env)
		require.NoError(t, err)
		assert.Equal(t, tc.global, c.Global, tc.line)
		assert.Equal(t, tc.args, c.Args, tc.line)
		assert.Equal(t, tc.via, c.Via, tc.line)
	}
	_, err := ParseCall(nil, environ())
	require.Error(t, err)
	_, err = ParseCall([]string{"--nothing"}, environ())
	require.Error(t, err)
}

// TestBuilder: as the Docker CLI would have it.
func TestBuilder(t *testing.T) {
	cfg := &configfile.ConfigFile{CurrentContext: "file"}
	for _, tc := range []struct {
		line string
		env  Environ
		cfg  *configfile.ConfigFile
		want string
	}{
		{"pullsafe", environ(), &configfile.ConfigFile{}, "default"},
		{"pullsafe", environ(), cfg, "file"},
		{"pullsafe", environ("DOCKER_CONTEXT", "env"), cfg, "env"},
		{"pullsafe", environ("DOCKER_CONTEXT", "env", "DOCKER_HOST", "tcp://x"), cfg, "default"},
		{"-H tcp://x pullsafe", environ("DOCKER_CONTEXT", "env"), cfg, "default"},
		{"-c flag pullsafe", environ("DOCKER_HOST", "tcp://x"), cfg, "flag"},
		{"pullsafe", environ("BUILDX_BUILDER", "own"), cfg, ""},
		{"pullsafe", environ("BUILDX_BUILDER", ""), cfg, "file"},
	} {
		c, err := ParseCall(strings.Fields(tc.line), tc.env)
		require.NoError(t, err)
		assert.Equal(t, tc.want, c.Builder(tc.cfg, tc.env), tc.line)
	}
}

func TestProgram(t *testing.T) {
	environment := []string{"A=1", "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND=docker", "DOCKER_CLI_PLUGIN_SOCKET=@x"}
	plugin := Program{Path: "/p/docker-buildx", Args: []string{"-D", "buildx"}}
	assert.Equal(t, []string{"/p/docker-buildx", "-D", "buildx", "build", "."}, plugin.Line("build", "."))
	assert.Equal(t, []string{"A=1", "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND=docker"}, plugin.Below(environment))
	assert.Equal(t, []string{"A=1"}, Program{Path: "buildx"}.Below(environment))
	assert.Equal(t, []string{"A=1", "BUILDX_BUILDER=x"}, WithBuilder(environment[:1], "x"))
	assert.Equal(t, environment, WithBuilder(environment, ""))
}

func TestFind(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	path, extra := t.TempDir(), t.TempDir()
	t.Setenv("PATH", path)
	config.SetDir(t.TempDir())
	t.Cleanup(func() { config.SetDir("") })
	cfg := &configfile.ConfigFile{CLIPluginsExtraDirs: []string{extra}}
	if FindPlugin("buildx", cfg) == "" { // a machine that has it in a system folder always finds it
		_, err := Find(cfg, nil)
		require.ErrorIs(t, err, ErrNoBuildx)
	}
	program := func(dir, name string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755))
		return file
	}
	require.NoError(t, os.Mkdir(filepath.Join(extra, "docker-pullsafe"), 0o755))
	require.Empty(t, FindPlugin("pullsafe", cfg), "a folder")
	buildx := program(path, "buildx")
	if FindPlugin("buildx", cfg) == "" {
		p, err := Find(cfg, &Call{Global: []string{"-D"}})
		require.NoError(t, err)
		assert.Equal(t, Program{Path: buildx}, p)
	}
	plugin := program(extra, "docker-buildx")
	p, err := Find(cfg, &Call{Global: []string{"-D"}})
	require.NoError(t, err)
	assert.Equal(t, Program{Path: plugin, Args: []string{"-D", "buildx"}}, p)
	p, err = Find(cfg, nil)
	require.NoError(t, err)
	assert.Equal(t, Program{Path: plugin}, p)
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
