package tests

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestPreflightCall: the same through `--call=preflight`, as text and as JSON.
func TestPreflightCall(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	s := newSixty(t, e, "call-")
	s.dockerfile = strings.ReplaceAll(s.dockerfile, "hang.test", "open.test") // the bound of a call is long
	opt := harness.CommandOpt{Files: world.Dockerfile(s.dockerfile), DockerConfig: world.Stale(t, e)}
	out := world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight,format=json")
	require.Equal(t, 1, out.Code, out.Stderr)
	var got report.Report
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &got))
	require.Equal(t, report.Version, got.Version)
	require.Len(t, got.References, 60)
	for _, ref := range got.References {
		w, ok := s.want[ref.Ref]
		if !ok {
			w = s.want["call-open.test/missing/image-0:1"]
		}
		require.Equal(t, w.outcome, ref.Outcome, ref.Ref)
		require.True(t, ref.Needed)
		require.Equal(t, "linux/amd64", ref.Platform)
		require.Len(t, ref.Positions, 1)
		require.Equal(t, "Dockerfile", ref.Positions[0].File)
		if w.outcome == report.OK {
			require.Nil(t, ref.Diagnosis)
			continue
		}
		require.Equal(t, w.class, ref.Diagnosis.Class, ref.Ref)
		require.Contains(t, fmt.Sprint(ref.Diagnosis.Remedies), w.remedy, ref.Ref)
		require.Equal(t, ref.Outcome == report.Failed, ref.Digest == "", ref.Ref)
	}
	require.Equal(t, report.Summary{References: 60, OK: 10, OKWithoutCredentials: 10, Failed: 40}, got.Summary)
	for i := range 10 {
		blobs := shared.GHCR.Requests().Blobs(fmt.Sprintf("sixty/public-%d", i))
		require.LessOrEqual(t, len(blobs), 1, "no layer is pulled, at most the configuration: %s", blobs)
	}

	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight")
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stdout, "IMAGE ")
	require.Contains(t, out.Stdout, "60 images: 10 ok, 10 ok by anonymous fallback, 40 failed\n")
	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight,ignorestatus=true")
	require.Zero(t, out.Code)
}

func TestPreflightCallOfWhatBuilds(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	opt := harness.CommandOpt{Files: world.Dockerfile("FROM alpine:3.23 AS a\nFROM ghcr.io/acme/private-base:1\nFROM a\n"), DockerConfig: world.Good(t, e)}
	out := world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight")
	require.Zero(t, out.Code, out.Stdout)
	require.Regexp(t, `ghcr.io/acme/private-base:1 +linux/amd64 +Dockerfile:2 +ok \(not needed by the target\) +sha256:[0-9a-f]{12}\n`, out.Stdout)

	// The triggers of a base name images too.
	opt = harness.CommandOpt{Files: world.Dockerfile("FROM onbuild:1\n"), DockerConfig: world.Good(t, e)}
	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight")
	require.Zero(t, out.Code, out.Stdout)
	require.Regexp(t, `ghcr.io/astral-sh/uv:0.7.1 +linux/amd64 +Dockerfile:1 +ok +sha256:`, out.Stdout)

	// Under strict, what needs no credentials must not be had without.
	opt = harness.CommandOpt{Files: world.Dockerfile("FROM ghcr.io/acme/base:1\n"), DockerConfig: world.Stale(t, e)}
	require.Zero(t, world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight").Code)
	require.Equal(t, 1, world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight", "--build-arg", "PULLSAFE_STRICT=true").Code)

	// A Dockerfile that does not parse fails with the place.
	opt.Files = world.Dockerfile("FROM alpine:3.23\nFORM x\n")
	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight")
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stderr, "unknown instruction: FORM")
	require.Contains(t, out.Stderr, ">>> FORM x")

	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=subrequests.describe")
	require.Contains(t, out.Stdout, "\npreflight ")
}

// TestPreflightBake: three targets of a bake file, one JSON object.
func TestPreflightBake(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	out, err := d.Buildx(t.Context(), harness.CommandOpt{
		Files: threeTargets(),
		Args:  []string{"bake", "--progress=plain", "--call=preflight,format=json"}, DockerConfig: world.Stale(t, e),
	})
	require.NoError(t, err)
	require.Equal(t, 1, out.Code, out.Stderr)
	var doc struct {
		Target map[string]struct{ Preflight report.Report }
	}
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &doc), out.Stdout)
	for target, outcome := range map[string]report.Outcome{"one": report.OK, "two": report.OKWithoutCredentials, "three": report.Failed} {
		refs := doc.Target[target].Preflight.References
		require.Len(t, refs, 1, target)
		require.Equal(t, outcome, refs[0].Outcome, target)
	}
}

// TestBakeNamesTheTarget: a build of three targets, one of which cannot be had.
func TestBakeNamesTheTarget(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	opt := harness.CommandOpt{Files: threeTargets(), Args: []string{"bake", "--progress=plain"}, DockerConfig: world.Stale(t, e)}
	out, err := d.Buildx(t.Context(), opt)
	require.NoError(t, err)
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stderr, "ERROR: target three: failed to solve: the image could not be resolved\n\nghcr.io rejected the stored credentials")
	require.Contains(t, out.Stderr, "docker logout ghcr.io")
}

func threeTargets() map[string]string {
	return map[string]string{"docker-bake.hcl": `
group "default" { targets = ["one", "two", "three"] }
target "_syntax" { args = { BUILDKIT_SYNTAX = "` + shared.Pullsafe + `" } }
target "one" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM alpine:3.23"
}
target "two" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM ghcr.io/acme/base:1"
}
target "three" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM ghcr.io/acme/private-base:1"
}
`}
}

// TestUnneededStages: a stage that the target does not need never fails or holds
// up the build, and nobody is asked for its image.
func TestUnneededStages(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		hang := "spare-" + fe.Name + ".test"
		reg, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Hosts: []string{hang}, Mode: harness.ModeToken})
		require.NoError(t, err)
		defer reg.Disconnect()
		reg.SetFault(harness.FaultHang())
		began := time.Now()
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, DockerConfig: world.Stale(t, e),
			Files: world.Dockerfile("FROM " + hang + "/a:1 AS x\nFROM ghcr.io/acme/private-base:1 AS y\nFROM alpine:3.23\nRUN true\n"),
		})
		require.NoError(t, res.Err)
		require.Less(t, time.Since(began), 20*time.Second)
		require.Empty(t, world.RefusedWarnings(res))
		require.Empty(t, reg.Requests())
		require.Empty(t, shared.GHCR.Requests())
	})
}

// TestPreflightFailsAsTheBuild: what the builder says of a Dockerfile, the preflight
// says too, with its hints.
func TestPreflightFailsAsTheBuild(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	for _, tc := range []struct {
		name, text, want string
		args             []string
	}{
		{name: "circular stages", text: "FROM alpine:3.23 AS a\nCOPY --from=b / /\nFROM alpine:3.23 AS b\nCOPY --from=a / /\n", want: "circular dependency"},
		{name: "name replaced by a context", text: "FROM golang:-alpine AS x\n", want: "invalid reference format", args: []string{"--build-context=x=docker-image://alpine:3.23"}},
		{name: "key of a mount", text: "FROM alpine:3.23\nRUN --mount=typ=tmpfs,target=/x true\n", want: "did you mean type?"},
		{name: "platform", text: "FROM --platform=$BULIDPLATFORM alpine:3.23\n", want: "did you mean BUILDPLATFORM?"},
		{name: "target", text: "FROM alpine:3.23 AS prod\n", want: "did you mean prod?", args: []string{"--target=prd"}},
		{name: "variable in --from", text: "FROM alpine:3.23\nARG V=x\nCOPY --from=$V / /\n", want: "define a new stage with FROM using ARG"},
		{name: "lint", text: "# check=error=true\nFROM alpine:3.23 as x\n", want: "lint violation found for rules: FromAsCasing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opt := harness.CommandOpt{Files: world.Dockerfile(tc.text), DockerConfig: world.Stale(t, e), Env: []string{"NO_COLOR=1"}}
			said := func(image string, args ...string) string {
				out := world.Buildx(t, d, image, opt, append(args, tc.args...)...)
				require.NotZero(t, out.Code, out.Stderr)
				_, text, ok := strings.Cut(out.Stderr, "ERROR: failed to build: ")
				require.True(t, ok, out.Stderr)
				return text
			}
			want := said(shared.Upstream)
			require.Contains(t, want, tc.want)
			require.Equal(t, want, said(shared.Pullsafe, "--call=preflight"))
			require.Equal(t, want, said(shared.Pullsafe), "and the build itself")
		})
	}
}
