package dropin

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestBadInput: what upstream refuses is refused with upstream's words.
func TestBadInput(t *testing.T) {
	e, c := world.Fresh(t)
	for _, tc := range []struct {
		name  string
		files map[string]string
		opts  map[string]string
	}{
		{name: "no Dockerfile", files: map[string]string{"other": "x"}},
		{name: "an empty Dockerfile", files: world.Dockerfile("")},
		{name: "only comments", files: world.Dockerfile("# nothing\n")},
		{name: "an unknown instruction", files: world.Dockerfile("FROM alpine:3.23\nFORM x\n")},
		{name: "a reference that does not parse", files: world.Dockerfile("FROM Not/A:Reference:x\n")},
		{name: "an empty argument in FROM", files: world.Dockerfile("ARG A\nFROM $A\n")},
		{name: "an argument in COPY --from", files: world.Dockerfile("FROM alpine:3.23\nARG X=alpine:3.23\nCOPY --from=$X / /\n")},
		{name: "a target that does not exist", files: world.Dockerfile("FROM ghcr.io/acme/private-base:1\n"), opts: map[string]string{"target": "nope"}},
		{name: "a circle", files: world.Dockerfile("FROM alpine:3.23 AS a\nCOPY --from=b / /\nFROM alpine:3.23 AS b\nCOPY --from=a / /\n")},
		{name: "a Dockerfile over the size limit", files: world.Dockerfile("FROM alpine:3.23\n" + strings.Repeat("# filling\n", 1<<21))},
		{name: "a cap that no frontend has", files: world.Dockerfile("FROM alpine:3.23\n"), opts: map[string]string{"frontend.caps": "moby.buildkit.frontend.nonsense"}},
		{name: "an unknown request", files: world.Dockerfile("FROM alpine:3.23\n"), opts: map[string]string{"requestid": "frontend.nonsense"}},
		{name: "a platform that does not parse", files: world.Dockerfile("FROM alpine:3.23\n"), opts: map[string]string{"platform": "a/b/c/d/e"}},
		{name: "a check option that does not parse", files: world.Dockerfile("# check=nonsense\nFROM alpine:3.23\n")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := harness.SolveInput{Files: tc.files, Opts: tc.opts, Frontend: harness.Frontend{Image: shared.Upstream}}
			want := world.Solve(t, e, c, in)
			require.Error(t, want.Err)
			for _, fe := range shared.Frontends() {
				t.Run(fe.Name, func(t *testing.T) {
					in.Frontend = fe
					got := world.Solve(t, e, c, in)
					require.Error(t, got.Err)
					require.Equal(t, bare(want.Err), bare(got.Err))
				})
			}
		})
	}
}

// bare is an error without the words of BuildKit's client in front. Of a frontend in its
// own process it says one or the other: whichever of two errors is first.
func bare(err error) string {
	text := strings.TrimPrefix(err.Error(), "failed to solve: ")
	return strings.TrimPrefix(text, "failed to run Build function: ")
}
