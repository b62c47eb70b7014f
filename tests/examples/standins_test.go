package examples

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// Scripts stand in for the programs that the examples run.
const (
	// uvScript says which command it got, as uv says what it did.
	uvScript = "#!/bin/sh\necho \"uv (stand-in): $*\"\n"
	// goScript writes the file that -o names.
	goScript = `#!/bin/sh
while [ $# -gt 1 ]; do
  [ "$1" != -o ] || printf '#!/bin/sh\necho server\n' > "$2"
  shift
done
`
	promtoolScript = "#!/bin/sh\ngrep -q ServerDown \"$3\" && echo \"SUCCESS: 1 rules found\"\n"
	ruffScript     = "#!/bin/sh\necho \"All checks passed!\"\n"
	// nodeScript does what site/build.mjs does.
	nodeScript = "#!/bin/sh\nmkdir -p dist && sed 's/^/<p>/' index.txt > dist/index.html\n"
)

// pushStandIns fills the registries. Each image that comes from a registry with
// a refused login has layers of its own (world.Base).
func (s *stage) pushStandIns(t *testing.T) {
	t.Helper()
	program := func(path, script, unique string) harness.Image {
		return harness.Image{Files: map[string]string{path: script + "# " + unique + "\n"}}
	}
	with := func(name, path, script string) harness.Image {
		img := world.Base(name)
		img.Platforms = nil
		img.Files[path] = script
		return img
	}
	uv := func(tag string) harness.Image {
		return harness.Image{Files: map[string]string{"/uv": uvScript + "# " + tag + "\n", "/uvx": uvScript + "# x " + tag + "\n"}}
	}
	for host, images := range map[string]map[string]harness.Image{
		"docker.io": {
			"library/python:3.13-slim-trixie": with("python", "/usr/local/bin/python", "#!/bin/sh\n"),
			"library/golang:1.26-alpine":      with("golang", "/usr/local/bin/go", goScript),
			"library/node:24-alpine":          with("node", "/usr/local/bin/node", nodeScript),
		},
		"ghcr.io": {
			"astral-sh/uv:0.9.5":                              uv("0.9.5"),
			"astral-sh/uv:0.9.6":                              uv("0.9.6"),
			"astral-sh/uv:0.9.7":                              uv("0.9.7"),
			"astral-sh/uv:0.9.8":                              uv("0.9.8"),
			"astral-sh/ruff:0.14.3":                           program("/ruff", ruffScript, "ruff"),
			"acme/private-python:3.13":                        with("private-python", "/usr/local/bin/python", "#!/bin/sh\n"),
			"acme/private-tools:1":                            program("/tool", uvScript, "tools"),
			"grpc-ecosystem/grpc-health-probe:v0.4.41":        program("/ko-app/grpc-health-probe", uvScript, "probe"),
			"static-web-server/static-web-server:2.39-alpine": with("sws-2.39", "/sws", uvScript),
			"static-web-server/static-web-server:2.40-alpine": with("sws-2.40", "/sws", uvScript),
		},
		"quay.io": {
			"prometheus/prometheus:v3.5.0": program("/bin/promtool", promtoolScript, "promtool"),
			"prometheus/busybox:glibc":     with("quay-busybox", "/etc/glibc", "glibc"),
		},
		"gcr.io":         {"distroless/static-debian12:nonroot": program("/etc/distroless", "", "distroless")},
		"public.ecr.aws": {"awsguru/aws-lambda-adapter:0.9.1": program("/lambda-adapter", uvScript, "adapter")},
		mirror: {
			"mirror/python:3.13-slim-trixie": with("mirror-python", "/usr/local/bin/python", "#!/bin/sh\n"),
			"mirror/uv:0.9.5":                program("/uv", uvScript, "mirror"),
		},
	} {
		for name, img := range images {
			_, err := s.registries[host].Push(t.Context(), name, img)
			require.NoError(t, err)
		}
	}
	e := harness.T(t)
	for reg, name := range map[*harness.Registry]string{shared.Hub: "org/pullsafe:1", s.registries[mirror]: "mirror/pullsafe:1"} {
		_, err := e.PushFrontend(t.Context(), reg, name)
		require.NoError(t, err)
	}
}
