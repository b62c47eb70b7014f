package tests

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// TestBadInput: what upstream refuses is refused with upstream's words.
func TestBadInput(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		opts  map[string]string
	}{
		{name: "no Dockerfile", files: map[string]string{"other": "x"}},
		{name: "an empty Dockerfile", files: dockerfile("")},
		{name: "only comments", files: dockerfile("# nothing\n")},
		{name: "an unknown instruction", files: dockerfile("FROM alpine:3.23\nFORM x\n")},
		{name: "a reference that does not parse", files: dockerfile("FROM Not/A:Reference:x\n")},
		{name: "an empty argument in FROM", files: dockerfile("ARG A\nFROM $A\n")},
		{name: "an argument in COPY --from", files: dockerfile("FROM alpine:3.23\nARG X=alpine:3.23\nCOPY --from=$X / /\n")},
		{name: "a target that does not exist", files: dockerfile("FROM ghcr.io/acme/private-base:1\n"), opts: map[string]string{"target": "nope"}},
		{name: "a circle", files: dockerfile("FROM alpine:3.23 AS a\nCOPY --from=b / /\nFROM alpine:3.23 AS b\nCOPY --from=a / /\n")},
		{name: "a Dockerfile over the size limit", files: dockerfile("FROM alpine:3.23\n" + strings.Repeat("# filling\n", 1<<21))},
		{name: "a cap that no frontend has", files: dockerfile("FROM alpine:3.23\n"), opts: map[string]string{"frontend.caps": "moby.buildkit.frontend.nonsense"}},
		{name: "an unknown request", files: dockerfile("FROM alpine:3.23\n"), opts: map[string]string{"requestid": "frontend.nonsense"}},
		{name: "a platform that does not parse", files: dockerfile("FROM alpine:3.23\n"), opts: map[string]string{"platform": "a/b/c/d/e"}},
		{name: "a check option that does not parse", files: dockerfile("# check=nonsense\nFROM alpine:3.23\n")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, c := fresh(t)
			in := harness.SolveInput{Files: tc.files, Opts: tc.opts, Frontend: harness.Frontend{Image: shared.upstream}}
			want := solve(t, e, c, in)
			require.Error(t, want.Err)
			for _, fe := range shared.frontends() {
				t.Run(fe.Name, func(t *testing.T) {
					in.Frontend = fe
					got := solve(t, e, c, in)
					require.Error(t, got.Err)
					require.Equal(t, want.Err.Error(), got.Err.Error())
				})
			}
		})
	}
}

// TestUnknownControl: a control that does not exist is named, with those that do.
func TestUnknownControl(t *testing.T) {
	both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := fresh(t)
		res := solve(t, e, c, harness.SolveInput{
			Frontend: fe, Files: dockerfile("FROM alpine:3.23\n"), Opts: map[string]string{"build-arg:PULLSAFE_RETYR": "off"},
		})
		require.ErrorContains(t, res.Err, `unknown control "retyr" in build argument PULLSAFE_RETYR; known are: retry, strict, scope, hosts`)
	})
}

func TestControls(t *testing.T) {
	files := dockerfile("# check=skip=None\nFROM ghcr.io/acme/base:1\n")
	for _, tc := range []struct {
		name    string
		cmdline string
		opts    map[string]string
		want    string // in the error; empty: it builds
		retried bool
	}{
		{name: "retry=off", cmdline: "pullsafe retry=off", want: "docker logout ghcr.io"},
		{name: "the build argument wins", cmdline: "pullsafe retry=off", opts: map[string]string{"build-arg:PULLSAFE_RETRY": "on"}, retried: true},
		{name: "strict", cmdline: "pullsafe strict", want: "ghcr.io refused the stored credentials", retried: true},
		{name: "hosts, another", opts: map[string]string{"build-arg:PULLSAFE_HOSTS": "quay.io"}, want: "docker logout ghcr.io"},
		{name: "hosts, this one", opts: map[string]string{"build-arg:PULLSAFE_HOSTS": "quay.io,ghcr.io"}, retried: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			both(t, func(t *testing.T, fe harness.Frontend) {
				e, c := fresh(t)
				res := solve(t, e, c, harness.SolveInput{
					Frontend: fe, Files: files, CmdLine: tc.cmdline, Opts: tc.opts, DockerConfig: staleLogin(t, e, "ghcr.io"),
				})
				if tc.want == "" {
					require.NoError(t, res.Err)
				} else {
					require.ErrorContains(t, res.Err, tc.want)
				}
				require.Equal(t, tc.retried, res.Vertex("(without credentials)") != nil)
			})
		})
	}
}
