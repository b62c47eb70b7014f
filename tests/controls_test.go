package tests

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestUnknownControl: a control that does not exist is named, with those that do.
func TestUnknownControl(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, Files: world.Dockerfile("FROM alpine:3.23\n"), Opts: map[string]string{"build-arg:PULLSAFE_RETYR": "off"},
		})
		require.ErrorContains(t, res.Err, `unknown control "retyr" in build argument PULLSAFE_RETYR; known are: retry, strict, scope, hosts`)
	})
}

func TestControls(t *testing.T) {
	e, c := world.Fresh(t)
	files := world.Dockerfile("# check=skip=None\nFROM ghcr.io/acme/base:1\n")
	for _, tc := range []struct {
		name    string
		cmdline string
		opts    map[string]string
		want    string // in the error; empty: it builds
		retried bool
	}{
		{name: "retry=off", cmdline: "pullsafe retry=off", want: "docker logout ghcr.io"},
		{name: "the build argument wins", cmdline: "pullsafe retry=off", opts: map[string]string{"build-arg:PULLSAFE_RETRY": "on"}, retried: true},
		{name: "strict", cmdline: "pullsafe strict", want: "ghcr.io rejected the stored credentials", retried: true},
		{name: "hosts, another", opts: map[string]string{"build-arg:PULLSAFE_HOSTS": "quay.io"}, want: "docker logout ghcr.io"},
		{name: "hosts, this one", opts: map[string]string{"build-arg:PULLSAFE_HOSTS": "quay.io,ghcr.io"}, retried: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			world.Both(t, func(t *testing.T, fe harness.Frontend) {
				res := world.Solve(t, e, c, harness.SolveInput{
					Frontend: fe, Files: files, CmdLine: tc.cmdline, Opts: tc.opts, DockerConfig: world.StaleLogin(t, e, "ghcr.io"),
				})
				if tc.want == "" {
					require.NoError(t, res.Err)
				} else {
					require.ErrorContains(t, res.Err, tc.want)
				}
				require.Equal(t, tc.retried, res.Vertex(world.StepOfFallback) != nil)
			})
		})
	}
}
