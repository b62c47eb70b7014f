package dropin

import (
	"bytes"
	"context"
	"io"
	"maps"
	"testing"

	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestContainerOfAFailedStep: a client that asks for the build through the gateway,
// as buildx does, gets the failed step, and can start a container with its mounts.
func TestContainerOfAFailedStep(t *testing.T) {
	for _, tc := range []struct{ name, image string }{{"upstream", shared.Upstream}, {"pullsafe", shared.Pullsafe}} {
		t.Run(tc.name, func(t *testing.T) {
			e, c := world.Fresh(t)
			var seen bytes.Buffer
			build := func(ctx context.Context, gw gwclient.Client) (*gwclient.Result, error) {
				opts := map[string]string{"source": tc.image}
				maps.Copy(opts, gw.BuildOpts().Opts)
				res, err := gw.Solve(ctx, gwclient.SolveRequest{Frontend: "gateway.v0", FrontendOpt: opts})
				if err != nil {
					return nil, err
				}
				ref, err := res.SingleRef()
				if err != nil {
					return nil, err
				}
				failed := ref.Evaluate(ctx)
				var solve *errdefs.SolveError
				if !errors.As(failed, &solve) {
					return nil, errors.Errorf("no step has failed: %v", failed)
				}
				return res, errors.Wrap(runWithMounts(ctx, gw, solve, &seen), "failed to start a container")
			}
			res := world.Solve(t, e, c, harness.SolveInput{
				Frontend: harness.Frontend{Func: build},
				Files:    world.Dockerfile("FROM alpine:3.23\nRUN echo before > /before\nRUN echo here > /partial; cat /before; exit 3\n"),
			})
			require.ErrorContains(t, res.Err, "exit code: 3")
			require.NotContains(t, res.Err.Error(), "failed to start a container")
			require.Equal(t, "before\nhere\n", seen.String(), "what the step had and what it wrote")
			steps := 0
			for _, v := range res.Vertexes {
				if v.Error != "" {
					steps++
				}
			}
			require.Equal(t, 1, steps, "the step ran once: %q", res.Names())
			require.Len(t, errdefs.Sources(res.Err), 1)
		})
	}
}

// runWithMounts starts a container from what the failed step left behind
// (buildx, build/result.go).
func runWithMounts(ctx context.Context, gw gwclient.Client, failed *errdefs.SolveError, out io.Writer) error {
	exec := failed.Op.GetExec()
	var req gwclient.NewContainerRequest
	for i, m := range exec.GetMounts() {
		req.Mounts = append(req.Mounts, gwclient.Mount{Dest: m.Dest, Selector: m.Selector, Readonly: m.Readonly, MountType: m.MountType, ResultID: failed.MountIDs[i]})
	}
	ctr, err := gw.NewContainer(ctx, req)
	if err != nil {
		return err
	}
	defer func() { _ = ctr.Release(context.WithoutCancel(ctx)) }()
	proc, err := ctr.Start(ctx, gwclient.StartRequest{Args: []string{"/bin/cat", "/before", "/partial"}, Cwd: "/", Stdout: nopCloser{out}})
	if err != nil {
		return err
	}
	return proc.Wait()
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
