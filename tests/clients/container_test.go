package clients

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestContainerDriver: buildkitd in a container of the engine, started by buildx
// from an image that is made of the harness's own programs, as moby/buildkit is.
func TestContainerDriver(t *testing.T) {
	slow(t)
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(harness.ToolBuildkitd, harness.ToolBuildctl, harness.ToolRunc))
	pushBuildkit(t, e)
	serial := 0
	tr := trial{
		client: "buildx, docker-container (BuildKit in Engine 20.10)", tried: "a builder made by `buildx create`, `--load` into the engine",
		repositories: uvRepositories,
		run: func(t *testing.T, _ *trial, s side) facts {
			serial++
			d := containerEngine(t, e)
			name := "container-" + string(rune('a'+serial))
			cfg := s.login(t, e)
			run := func(opt harness.CommandOpt, args ...string) *harness.Output {
				opt.Args, opt.DockerConfig = args, cfg
				opt.Env = []string{"NO_COLOR=1", epoch, "BUILDX_BUILDER=" + name}
				out, err := d.Buildx(t.Context(), opt)
				require.NoError(t, err)
				require.Zero(t, out.Code, "%s: %v:\n%s", s.name, args, out.Stderr)
				return out
			}
			create := []string{
				"create", "--name=" + name, "--driver=docker-container", "--driver-opt=network=host",
				"--driver-opt=image=" + shared.Local.Addr + "/moby/buildkit:local", "--driver-opt=cgroup-parent=/" + filepath.Base(e.Dir),
				"--buildkitd-flags=--oci-worker-net=host",
			}
			for _, kv := range containerEnv(e) {
				create = append(create, "--driver-opt=\"env."+kv+"\"")
			}
			run(harness.CommandOpt{}, create...)
			defer run(harness.CommandOpt{}, "rm", name)
			out := run(harness.CommandOpt{Files: world.Dockerfile(uvRun)}, "build", "--progress=plain", "--provenance=false",
				"--build-arg=BUILDKIT_SYNTAX="+s.image, "--load", "-t", "example", ".")
			requireWarned(t, s, out)
			return engineFacts(t, d, "example")
		},
	}
	tr.compare(t)
}

// containerEngine starts an engine that can run privileged containers of a small
// image. Its own init program needs the C library, which the image has not; and
// where root itself lacks CAP_SYS_RESOURCE, runc must not ask for it.
func containerEngine(t *testing.T, e *harness.Env) *harness.Dockerd {
	t.Helper()
	dir, err := e.WriteFiles(map[string]string{
		"init": "#!/bin/sh\nshift\nexec \"$@\"\n",
		"runc": `#!/bin/sh
prev=
for arg in "$@"; do
  case $prev in
    --bundle) sed -i 's/"CAP_SYS_RESOURCE",//g' "$arg/config.json" ;;
    --process) sed -i 's/"CAP_SYS_RESOURCE",//g' "$arg" ;;
  esac
  prev=$arg
done
exec ` + filepath.Join(filepath.Dir(e.Tools.Path(harness.ToolEngine)), "runc") + ` "$@"
`,
	})
	require.NoError(t, err)
	args := []string{"--init-path=" + filepath.Join(dir, "init")}
	if !hasCapability(t, unix.CAP_SYS_RESOURCE) {
		args = append(args, "--add-runtime=fewer="+filepath.Join(dir, "runc"), "--default-runtime=fewer")
	}
	return engine(t, engine20, args...)
}

func hasCapability(t *testing.T, number int) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, hex, ok := strings.Cut(string(status), "CapBnd:")
	require.True(t, ok)
	hex, _, _ = strings.Cut(strings.TrimSpace(hex), "\n")
	bounding, err := strconv.ParseUint(hex, 16, 64)
	require.NoError(t, err)
	return bounding&(1<<number) != 0
}

// pushBuildkit makes the image that the driver starts.
func pushBuildkit(t *testing.T, e *harness.Env) {
	t.Helper()
	read := func(path string) string {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(b)
	}
	files := map[string]string{"/ca.pem": read(e.Network.CAFile)}
	for tool, path := range map[string]string{
		harness.ToolBuildkitd: "/usr/bin/buildkitd", harness.ToolBuildctl: "/usr/bin/buildctl", harness.ToolRunc: "/usr/bin/runc",
	} {
		files[path] = read(e.Tools.Path(tool))
		for _, lib := range libraries(t, e.Tools.Path(tool)) {
			files[lib] = read(lib)
		}
	}
	_, err := shared.Local.Push(t.Context(), "moby/buildkit:local", harness.Image{
		Busybox: true, Files: files, Config: v1.Config{Entrypoint: []string{"buildkitd"}, Env: []string{"PATH=/usr/bin:/bin"}},
	})
	require.NoError(t, err)
}

// libraries are what a program that is not static loads.
func libraries(t *testing.T, program string) []string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "ldd", program).Output() // it fails for a static program
	var list []string
	for field := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(field, "/") {
			list = append(list, field)
		}
	}
	return list
}

// containerEnv is what leads the daemon in the container to the registries.
func containerEnv(e *harness.Env) []string {
	env := map[string]string{}
	for _, kv := range e.Environ() {
		if k, v, _ := strings.Cut(kv, "="); strings.HasSuffix(strings.ToUpper(k), "_PROXY") {
			env[k] = v
		}
	}
	env["SSL_CERT_FILE"] = "/ca.pem"
	var out []string
	for k := range maps.Keys(env) {
		out = append(out, k+"="+env[k])
	}
	return out
}
