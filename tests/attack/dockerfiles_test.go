package attack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestManyTriggers: however many ONBUILD triggers a base has, a build sends what it
// sends with upstream's image; those of a base that is not needed, nobody follows.
func TestManyTriggers(t *testing.T) {
	e := harness.T(t)
	other, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Hosts: []string{"triggers.test"}, Mode: harness.ModeOpen})
	require.NoError(t, err)
	needed, unneeded := world.Base("needed"), world.Base("unneeded")
	for i := range 3_000 {
		needed.Config.OnBuild = append(needed.Config.OnBuild, fmt.Sprintf("LABEL l%d=x", i))
		unneeded.Config.OnBuild = append(unneeded.Config.OnBuild, fmt.Sprintf("COPY --from=triggers.test/x:%d / /", i))
	}
	// Before and beyond what is looked at ahead of the builder.
	for i, at := range []int{10, 20, 2_500} {
		tag := fmt.Sprintf("from:%d", i)
		_, err := other.Push(t.Context(), tag, harness.Image{Files: map[string]string{tag: tag}})
		require.NoError(t, err)
		needed.Config.OnBuild[at] = "COPY --from=triggers.test/" + tag + " / /"
	}
	for name, img := range map[string]harness.Image{"needed": needed, "unneeded": unneeded} {
		_, err := shared.GHCR.Push(t.Context(), "acme/"+name+":1", img)
		require.NoError(t, err)
	}
	build := func(fe harness.Frontend) []string {
		e, c := world.Fresh(t)
		other.ResetRequests()
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, DockerConfig: world.Good(t, e),
			Files: world.Dockerfile("FROM ghcr.io/acme/unneeded:1 AS other\nFROM ghcr.io/acme/needed:1\n"),
		})
		require.NoError(t, res.Err)
		var seen []string
		for _, reg := range []*harness.Registry{other, shared.GHCR, shared.Hub} {
			for _, r := range reg.Requests() {
				seen = append(seen, strings.Join([]string{r.Host, r.Method, r.Path, string(r.Auth)}, " "))
			}
		}
		slices.Sort(seen)
		return seen
	}
	want := build(harness.Frontend{Image: shared.Upstream})
	require.NotEmpty(t, want)
	world.Image(t, func(t *testing.T, fe harness.Frontend) {
		require.Equal(t, want, build(fe))
	})
}

// TestCheckIsInterrupted by SIGTERM while it reads what it is to check.
func TestCheckIsInterrupted(t *testing.T) {
	e := harness.T(t)
	program := pluginProgram(t, e)
	for _, name := range []string{"Dockerfile", "compose.yaml", "docker-bake.hcl"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fifo := filepath.Join(dir, name)
			require.NoError(t, syscall.Mkfifo(fifo, 0o600))
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			reads := make(chan *os.File, 1)
			go func() {
				w, err := os.OpenFile(fifo, os.O_WRONLY, 0) // until it is opened for reading
				if err == nil {
					cancel(errors.New("enough")) // which sends SIGTERM
				}
				reads <- w
			}()
			out, err := e.Run(ctx, program, harness.CommandOpt{
				Dir: dir, Args: []string{"check", "-f", name},
				Env: []string{"PATH=" + filepath.Dir(e.Tools.Path(harness.ToolBuildx)) + ":" + os.Getenv("PATH")},
			})
			require.ErrorContains(t, err, "enough")
			require.Equal(t, 130, out.Code, out.Stderr)
			require.Contains(t, out.Stderr, "ERROR: interrupted")
			select {
			case w := <-reads:
				require.NoError(t, w.Close())
			case <-time.After(time.Minute):
				t.Fatal("the file was never read")
			}
		})
	}
}
