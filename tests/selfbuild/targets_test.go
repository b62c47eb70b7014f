package selfbuild

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// TestLint runs the linter in its container.
func TestLint(t *testing.T) {
	_, s := get(t)
	needFull(t)
	out := s.bake(t, bakeOpt{dir: checkout(t), args: []string{"validate"}})
	require.Contains(t, out.Stderr, " 0 issues.")
}

// TestUnitTests runs the unit tests in their container, and looks for the
// packages of the product in the profile.
func TestUnitTests(t *testing.T) {
	_, s := get(t)
	needFull(t)
	dest := t.TempDir()
	s.bake(t, bakeOpt{dir: checkout(t), env: []string{"DESTDIR=" + dest}, args: []string{"test"}})
	profile, err := os.ReadFile(filepath.Join(dest, "coverage", "coverage.txt"))
	require.NoError(t, err)
	for _, pkg := range []string{"frontend", "frontend/diagnosis", "frontend/references", "frontend/report", "llb", "plugin/fix", "plugin/probe"} {
		covered := regexp.MustCompile(`(?m)^github\.com/org/pullsafe/` + pkg + `/\w+\.go:\S+ \d+ [1-9]\d*$`)
		require.True(t, covered.Match(profile), "nothing of %s was run", pkg)
	}
}

// TestLabs builds the other channel as a developer does.
func TestLabs(t *testing.T) {
	_, s := get(t)
	needFull(t)
	const tag = "org/pullsafe:labs"
	s.bake(t, bakeOpt{dir: checkout(t), args: []string{
		"frontend-labs", "--set=frontend-labs.output=type=registry", "--set=frontend-labs.tags=" + s.registry.Addr + "/" + tag,
	}})
	img := s.image(t, tag)
	requirePublished(t, img, layerFiles(t, img), harness.ChannelLabs)
}

// Scripts stand in for the programs that steps of the examples run.
const (
	exampleGo   = "#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" != -o ] || echo server >\"$2\"; shift; done\n"
	exampleNode = "#!/bin/sh\nmkdir -p dist && cp index.txt dist/index.html\n"
	exampleAny  = "#!/bin/sh\necho \"stand-in: $*\"\n"
)

// exampleHosts are the registries of the examples; one registry stands in for all.
var exampleHosts = []string{"registry-1.docker.io", "ghcr.io", "quay.io", "gcr.io", "public.ecr.aws", "registry.example.com"}

// TestExamples builds each example that is a Dockerfile with the frontend that
// the project's own Dockerfile makes in the same run.
func TestExamples(t *testing.T) {
	_, s := get(t)
	needFull(t)
	front, err := s.registry.Front(t.Context(), harness.RegistryOpt{Hosts: exampleHosts, Mode: harness.ModeOpen})
	require.NoError(t, err)
	t.Cleanup(front.Disconnect)
	for name, files := range map[string]map[string]string{
		"library/node:24-alpine":                          {"/usr/local/bin/node": exampleNode},
		"library/golang:1.26-alpine":                      {"/usr/local/bin/go": exampleGo},
		"library/alpine:3.23":                             {},
		"library/python:3.13-slim-trixie":                 {"/usr/local/bin/python": exampleAny},
		"mirror/python:3.13-slim-trixie":                  {"/usr/local/bin/python": exampleAny},
		"acme/private-python:3.13":                        {"/usr/local/bin/python": exampleAny},
		"astral-sh/uv:0.9.5":                              {"/uv": exampleAny, "/uvx": exampleAny},
		"astral-sh/uv:0.9.7":                              {"/uv": exampleAny, "/uvx": exampleAny},
		"astral-sh/ruff:0.14.3":                           {"/ruff": exampleAny},
		"static-web-server/static-web-server:2.40-alpine": {},
		"distroless/static-debian12:nonroot":              {},
		"awsguru/aws-lambda-adapter:0.9.1":                {"/lambda-adapter": exampleAny},
		"grpc-ecosystem/grpc-health-probe:v0.4.41":        {"/ko-app/grpc-health-probe": exampleAny},
		"prometheus/prometheus:v3.5.0":                    {"/bin/promtool": exampleAny},
	} {
		_, err := s.registry.Push(t.Context(), name, harness.Image{Busybox: true, Files: files})
		require.NoError(t, err)
	}
	dir := checkout(t)
	dockerfiles, err := filepath.Glob(filepath.Join(dir, "examples", "*", "Dockerfile"))
	require.NoError(t, err)
	out := s.bake(t, bakeOpt{dir: dir, args: []string{"examples"}})
	built := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)\[example-(\S+) `).FindAllStringSubmatch(out.Stderr, -1) {
		built[m[1]] = true
	}
	require.NotEmpty(t, dockerfiles)
	for _, file := range dockerfiles {
		require.True(t, built[filepath.Base(filepath.Dir(file))], "%s is not in the bake file's group \"examples\": %s", file, out.Stderr)
	}
}
