package tests

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// buildx runs the real buildx with the frontend of the given image.
func buildx(t *testing.T, d *harness.Buildkitd, image string, opt harness.CommandOpt, args ...string) *harness.Output {
	t.Helper()
	opt.Args = append([]string{"build", "--progress=plain", "--build-arg", "BUILDKIT_SYNTAX=" + image}, args...)
	opt.Args = append(opt.Args, ".")
	opt.Env = append(opt.Env, "NO_COLOR=1")
	out, err := d.Buildx(t.Context(), opt)
	require.NoError(t, err)
	return out
}

func TestBuildxThroughRefusedCredentials(t *testing.T) {
	e, _, d := freshDaemon(t)
	out := buildx(t, d, shared.pullsafe, harness.CommandOpt{Files: dockerfile(uvDockerfile), DockerConfig: stale(t, e)})
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "[internal] load metadata for ghcr.io/astral-sh/uv:0.7.1 (without credentials)")
	require.Contains(t, out.Stderr, "RegistryCredentialsRefused: ghcr.io refused the stored credentials; "+
		"pulled ghcr.io/astral-sh/uv:0.7.1 without them. Run: docker logout ghcr.io (line 2)")
	require.Contains(t, out.Stderr, "COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uvx /bin/")
	requireAnonymousPull(t, shared.ghcr, "astral-sh/uv", "GHCR.IO")
}

func TestBuildxDebugShowsDetail(t *testing.T) {
	e, _, d := freshDaemon(t)
	out := buildx(t, d, shared.pullsafe, harness.CommandOpt{Files: dockerfile(uvDockerfile), DockerConfig: stale(t, e)}, "--debug")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "Dockerfile:2")
	require.Contains(t, out.Stderr, ">>> COPY --from=ghcr.io/astral-sh/uv:0.7.1")
}

func TestBuildxErrorOfPrivateImage(t *testing.T) {
	e, _, d := freshDaemon(t)
	out := buildx(t, d, shared.pullsafe, harness.CommandOpt{
		Files: dockerfile("FROM alpine:3.23\nCOPY --from=ghcr.io/acme/private-tools:1 /bin/sh /x\n"), DockerConfig: stale(t, e),
	})
	require.Equal(t, 1, out.Code)
	_, final, ok := strings.Cut(out.Stderr, "ERROR: failed to build: failed to solve: ")
	require.True(t, ok, out.Stderr)
	require.NotContains(t, final, rawToken)
	require.Contains(t, final, "1 of 2 images could not be resolved\n\nghcr.io refused the stored credentials (denied), and refused without them too")
	require.Contains(t, final, "\n  docker logout ghcr.io\n")
	require.Contains(t, out.Stderr, "   2 | >>> COPY --from=ghcr.io/acme/private-tools:1 /bin/sh /x")
}

// TestCalls: the requests that upstream answers are answered as upstream does.
func TestCalls(t *testing.T) {
	files := dockerfile("# the base\nFROM alpine:3.23 as base\nARG V=1\nFROM base AS last\nMAINTAINER me\nRUN echo $V\n")
	for _, call := range []string{"check", "outline", "targets", "check,format=json", "outline,format=json", "targets,format=json"} {
		t.Run(call, func(t *testing.T) {
			var want *harness.Output
			for _, image := range []string{shared.upstream, shared.pullsafe} {
				_, _, d := freshDaemon(t)
				out := buildx(t, d, image, harness.CommandOpt{Files: files}, "--call="+call)
				if want == nil {
					want = out
					continue
				}
				require.Equal(t, stable(want.Stdout), stable(out.Stdout))
				require.Equal(t, want.Code, out.Code)
			}
		})
	}
}

// stable leaves out what differs from build to build: the definition of the local
// source holds the session.
func stable(stdout string) string {
	var doc map[string]any
	if json.Unmarshal([]byte(stdout), &doc) != nil {
		return stdout
	}
	if sources, ok := doc["sources"].([]any); ok {
		for _, s := range sources {
			if m, ok := s.(map[string]any); ok {
				delete(m, "definition")
			}
		}
	}
	dt, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return stdout
	}
	return string(dt)
}

// TestAttestations: provenance and SBOM are made; the materials of an image that
// was pulled without credentials carry the same digest.
func TestAttestations(t *testing.T) {
	e, _, d := freshDaemon(t)
	scanner := "#!/bin/sh\nmkdir -p $BUILDKIT_SCAN_DESTINATION\n" +
		`echo '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{}}'` +
		" > $BUILDKIT_SCAN_DESTINATION/scan.spdx.json\n"
	img := harness.Image{Busybox: true, Files: map[string]string{"/scan": scanner}}
	img.Config.Cmd = []string{"/scan"}
	_, err := shared.ghcr.Push(t.Context(), "acme/scanner:1", img)
	require.NoError(t, err)
	dest := shared.local.Addr + "/out/attested:1"
	opt := harness.CommandOpt{Files: dockerfile(uvDockerfile), DockerConfig: stale(t, e)}
	out := buildx(t, d, shared.pullsafe, opt, "--provenance=mode=max", "--sbom=generator=ghcr.io/acme/scanner:1", "--push", "-t", dest)
	require.Zero(t, out.Code, out.Stderr)
	requireAnonymousPull(t, shared.ghcr, "acme/scanner", "GHCR.IO")

	inspect := func(format string) string {
		opt.Args = []string{"imagetools", "inspect", "--format", format, dest}
		got, err := d.Buildx(t.Context(), opt)
		require.NoError(t, err)
		require.Zero(t, got.Code, got.Stderr)
		return got.Stdout
	}
	require.Contains(t, inspect("{{json .SBOM}}"), `"SPDX"`)
	provenance := inspect("{{json .Provenance}}")
	// The materials name the spelling that was pulled, with the digest of the image.
	require.Regexp(t, `"sha256": "[0-9a-f]{64}"\s*\},\s*"uri": "pkg:docker/GHCR\.IO/astral-sh/uv@0\.7\.1`, provenance)
	require.Contains(t, provenance, "pkg:docker/alpine@3.23")
}

// TestBakeLinkedTarget: a target of a bake file that is the context of another,
// both under refused credentials.
func TestBakeLinkedTarget(t *testing.T) {
	e, _, d := freshDaemon(t)
	out, err := d.Buildx(t.Context(), harness.CommandOpt{
		Files: map[string]string{
			"docker-bake.hcl": `
group "default" { targets = ["app"] }
target "_syntax" { args = { BUILDKIT_SYNTAX = "` + shared.pullsafe + `" } }
target "base" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM ghcr.io/acme/base:1\nRUN echo base > /base"
}
target "app" {
  inherits = ["_syntax"]
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\nCOPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uv\nRUN cat /base && /uv"
  output = ["type=cacheonly"]
}
`,
		},
		Args: []string{"bake", "--progress=plain"}, DockerConfig: stale(t, e), Env: []string{"NO_COLOR=1"},
	})
	require.NoError(t, err)
	require.Zero(t, out.Code, out.Stderr)
	requireAnonymousPull(t, shared.ghcr, "acme/base", "GHCR.IO")
	requireAnonymousPull(t, shared.ghcr, "astral-sh/uv", "GHCR.IO")
}
