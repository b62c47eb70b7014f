package tests

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

func TestBuildxThroughRefusedCredentials(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	out := world.Buildx(t, d, shared.Pullsafe, harness.CommandOpt{Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e)})
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "[pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io. Resolved ghcr.io/astral-sh/uv:0.7.1 without them")
	require.Contains(t, out.Stderr, "RegistryCredentialsRejected: ghcr.io rejected the stored credentials; "+
		"resolved ghcr.io/astral-sh/uv:0.7.1 without them. Run: docker logout ghcr.io (line 2)")
	require.Contains(t, out.Stderr, "COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uvx /bin/")
	world.RequireAnonymousPull(t, shared.GHCR, "astral-sh/uv", "GHCR.IO:443")
}

func TestBuildxDebugShowsDetail(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	out := world.Buildx(t, d, shared.Pullsafe, harness.CommandOpt{Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e)}, "--debug")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "Dockerfile:2")
	require.Contains(t, out.Stderr, ">>> COPY --from=ghcr.io/astral-sh/uv:0.7.1")
}

func TestBuildxErrorOfPrivateImage(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	out := world.Buildx(t, d, shared.Pullsafe, harness.CommandOpt{
		Files: world.Dockerfile("FROM alpine:3.23\nCOPY --from=ghcr.io/acme/private-tools:1 /bin/sh /x\n"), DockerConfig: world.Stale(t, e),
	})
	require.Equal(t, 1, out.Code)
	_, final, ok := strings.Cut(out.Stderr, "ERROR: failed to build: failed to solve: ")
	require.True(t, ok, out.Stderr)
	require.NotContains(t, final, rawToken)
	require.Contains(t, final, "1 of 2 images could not be resolved\n\nghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback was denied")
	require.Contains(t, final, "\n  docker logout ghcr.io\n")
	require.Contains(t, out.Stderr, "   2 | >>> COPY --from=ghcr.io/acme/private-tools:1 /bin/sh /x")
}

// TestAttestations: provenance and SBOM are made; the materials of an image that
// was pulled without credentials carry the same digest.
func TestAttestations(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	scanner := "#!/bin/sh\nmkdir -p $BUILDKIT_SCAN_DESTINATION\n" +
		`echo '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{}}'` +
		" > $BUILDKIT_SCAN_DESTINATION/scan.spdx.json\n"
	img := harness.Image{Busybox: true, Files: map[string]string{"/scan": scanner}}
	img.Config.Cmd = []string{"/scan"}
	_, err := shared.GHCR.Push(t.Context(), "acme/scanner:1", img)
	require.NoError(t, err)
	dest := shared.Local.Addr + "/out/attested:1"
	opt := harness.CommandOpt{Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e)}
	out := world.Buildx(t, d, shared.Pullsafe, opt, "--provenance=mode=max", "--sbom=generator=ghcr.io/acme/scanner:1", "--push", "-t", dest)
	require.Zero(t, out.Code, out.Stderr)
	world.RequireAnonymousPull(t, shared.GHCR, "acme/scanner", "GHCR.IO:443")

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
	require.Regexp(t, `"sha256": "[0-9a-f]{64}"\s*\},\s*"uri": "pkg:docker/GHCR\.IO:443/astral-sh/uv@0\.7\.1`, provenance)
	require.Contains(t, provenance, "pkg:docker/alpine@3.23")
}

// TestBakeLinkedTarget: a target of a bake file that is the context of another,
// both under refused credentials.
func TestBakeLinkedTarget(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	out, err := d.Buildx(t.Context(), harness.CommandOpt{
		Files: map[string]string{
			"docker-bake.hcl": `
group "default" { targets = ["app"] }
target "_syntax" { args = { BUILDKIT_SYNTAX = "` + shared.Pullsafe + `" } }
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
		Args: []string{"bake", "--progress=plain"}, DockerConfig: world.Stale(t, e), Env: []string{"NO_COLOR=1"},
	})
	require.NoError(t, err)
	require.Zero(t, out.Code, out.Stderr)
	world.RequireAnonymousPull(t, shared.GHCR, "acme/base", "GHCR.IO:443")
	world.RequireAnonymousPull(t, shared.GHCR, "astral-sh/uv", "GHCR.IO:443")
}
