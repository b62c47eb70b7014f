package frontend

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/org/pullsafe/llb"
)

// Most tests run in a bubble (testing/synctest): time costs nothing, and a
// goroutine that is left behind fails them. Not so where several callers share a
// request: the bubble's clock does not see that they wait (a sync.Once).

// gate lets no answer through before it is closed.
type gate chan struct{}

func (g gate) before(registry answerFunc) answerFunc {
	return func(ctx context.Context, ref string, opt sourceresolver.Opt) error {
		<-g
		return registry(ctx, ref, opt)
	}
}

// requireNoLeak compares the number of goroutines with that at the call.
func requireNoLeak(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 500 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
	})
}

// slowly answers as registry does after a second.
func slowly(registry answerFunc) answerFunc {
	return func(ctx context.Context, ref string, opt sourceresolver.Opt) error {
		if err := after(time.Second, "")(ctx, ref, opt); err != nil {
			return err
		}
		return registry(ctx, ref, opt)
	}
}

// hangs answers nothing before the request is cancelled, and then as a gRPC
// client does: the cause does not arrive.
func hangs(ctx context.Context, _ string, _ sourceresolver.Opt) error {
	<-ctx.Done()
	return grpcerrors.FromGRPC(grpcstatus.FromContextError(ctx.Err()).Err()) //nolint:forbidigo // it is what gRPC sees
}

func TestConcurrentCallsShareOneRequest(t *testing.T) {
	for _, tc := range []struct {
		name, written string
		asked         []string
	}{
		{"image", "", []string{uv}},
		{"refused", refused, []string{uv, uvUpper}},
		{"missing", uv + ": not found", []string{uv}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			requireNoLeak(t)
			gw := newFake(t, map[string][]string{uv: {tc.written}, uvUpper: {""}})
			open := make(gate)
			gw.registry = open.before(gw.registry)
			c := newClient(gw, defaults())
			errs := make([]error, 50)
			var wg, started sync.WaitGroup
			started.Add(len(errs))
			for i := range errs {
				wg.Go(func() {
					opt := amd64Opt()
					opt.LogName = fmt.Sprintf("[stage %d] load metadata", i)
					started.Done()
					_, _, _, errs[i] = c.ResolveImageConfig(t.Context(), uv, opt)
				})
			}
			started.Wait()
			close(open)
			wg.Wait()
			require.Equal(t, tc.asked, gw.asked())
			for _, err := range errs {
				require.Equal(t, errs[0], err)
			}
			require.Equal(t, tc.written == "" || tc.written == refused, errs[0] == nil)
			require.Len(t, c.resolver.ledger.outcomes, 1)
		})
	}
}

func TestPlatformsAreAskedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := newFake(t, map[string][]string{uv: {""}})
		gw.registry = slowly(gw.registry)
		c := newClient(gw, defaults())
		platforms := []*platform{nil, {OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm", Variant: "v6"}, {OS: "linux", Architecture: "arm", Variant: "v7"}}
		began := time.Now()
		for range 2 {
			var g errgroup.Group
			for _, p := range platforms {
				g.Go(func() error {
					_, _, _, err := c.ResolveImageConfig(t.Context(), uv, sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: p}})
					return err
				})
			}
			require.NoError(t, g.Wait())
		}
		require.Len(t, gw.calls, len(platforms))
		require.Equal(t, time.Second, time.Since(began), "at the same time")
	})
}

// TestConcurrentRescues: many tags of one repository, each refused, and Solve in
// between.
func TestConcurrentRescues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := &fakeClient{t: t, registry: slowly(func(_ context.Context, ref string, _ sourceresolver.Opt) error {
			if ref[:len("ghcr.io/")] == "ghcr.io/" {
				return errors.New(refused)
			}
			return nil
		})}
		c := newClient(gw, defaults())
		req := request(t, uvPinned)
		var g errgroup.Group
		for i := range 50 {
			g.Go(func() error {
				_, _, _, err := c.ResolveImageConfig(t.Context(), fmt.Sprintf("ghcr.io/astral-sh/uv:%d", i), amd64Opt())
				return err
			})
			g.Go(func() error {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond)
				c.resolver.ledger.entries(func(entry) bool { return true })
				_, err := c.Solve(t.Context(), req)
				return err
			})
		}
		require.NoError(t, g.Wait())
		require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "GHCR.IO/astral-sh/uv"}, c.resolver.names())
		require.Len(t, c.resolver.ledger.outcomes, 50)
		require.Len(t, gw.calls, 100)
	})
}

// TestCancelled: a cancelled call ends at once with the caller's cause, and what
// it was about stays unknown.
func TestCancelled(t *testing.T) {
	why := errors.New("why")
	for _, tc := range []struct {
		name     string
		registry func(gw *fakeClient) answerFunc
		after    time.Duration
	}{
		{"as written", func(*fakeClient) answerFunc { return hangs }, time.Minute},
		{"without credentials", func(gw *fakeClient) answerFunc {
			return func(ctx context.Context, ref string, opt sourceresolver.Opt) error {
				if ref == uv {
					return gw.registry(ctx, ref, opt)
				}
				return hangs(ctx, ref, opt)
			}
		}, answerWithin / 2},
		{"in the pause", func(gw *fakeClient) answerFunc { return gw.registry }, transientWait / 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := newFake(t, map[string][]string{uv: {refused}, uvUpper: {outage}})
				gw := &fakeClient{t: t, registry: tc.registry(script)}
				c := newClient(gw, defaults())
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(tc.after, func() { cancel(why) })
				began := time.Now()
				_, _, _, err := c.ResolveImageConfig(ctx, uv, amd64Opt())
				require.ErrorIs(t, err, why)
				require.Equal(t, tc.after, time.Since(began))
				require.Empty(t, c.resolver.ledger.outcomes)
				require.Empty(t, c.resolver.names())

				// Nothing of it is remembered: the next one asks again.
				gw.registry = func(context.Context, string, sourceresolver.Opt) error { return nil }
				require.NoError(t, config(t, c, uv))
				require.Len(t, c.resolver.ledger.outcomes, 1)
			})
		})
	}
}

// watched tells when somebody begins to wait for its end.
type watched struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (w *watched) Done() <-chan struct{} {
	w.once.Do(func() { close(w.waits) })
	return w.Context.Done()
}

// TestOneCallerGivesUp: the others of the same request still get its answer.
func TestOneCallerGivesUp(t *testing.T) {
	requireNoLeak(t)
	gw := newFake(t, map[string][]string{uv: {""}})
	open := make(gate)
	gw.registry = open.before(gw.registry)
	c := newClient(gw, defaults())
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	ask := func(ctx context.Context, done chan<- error) {
		_, _, _, err := c.ResolveImageConfig(ctx, uv, amd64Opt())
		done <- err
	}
	go ask(ctx, first)
	require.Eventually(t, func() bool { return len(gw.asked()) == 1 }, time.Minute, time.Millisecond)
	joining := &watched{Context: t.Context(), waits: make(chan struct{})}
	go ask(joining, second)
	<-joining.waits
	cancel(why)
	require.ErrorIs(t, <-first, why, "at once, although the registry has not answered")
	close(open)
	require.NoError(t, <-second)
	require.Equal(t, []string{uv}, gw.asked())
}
