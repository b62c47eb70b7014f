package resolve

import (
	"context"
	"fmt"
	"runtime"
	"strings"
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

// Most tests run in a bubble (testing/synctest): time costs nothing, and a goroutine
// that is left behind fails them. Not so where several callers share a request: the
// bubble's clock does not see that they wait (a sync.Once).

// gate lets no answer through before it is closed.
type gate chan struct{}

func (g gate) before(registry answerFunc) answerFunc {
	return func(ctx context.Context, ref string) error {
		<-g
		return registry(ctx, ref)
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
	return func(ctx context.Context, ref string) error {
		select {
		case <-time.After(time.Second):
			return registry(ctx, ref)
		case <-ctx.Done():
			return hangs(ctx, ref)
		}
	}
}

// hangs answers nothing before the request is cancelled, and then as a gRPC client
// does: the cause does not arrive.
func hangs(ctx context.Context, _ string) error {
	<-ctx.Done()
	return grpcerrors.FromGRPC(grpcstatus.FromContextError(ctx.Err()).Err()) //nolint:forbidigo // it is what gRPC sees
}

func TestConcurrentCallsShareOneRequest(t *testing.T) {
	for _, tc := range []struct {
		name, written string
		asked         []string
	}{
		{"image", "", []string{uv}},
		{"rejected", rejected, []string{uv, uvBoth}},
		{"missing", missing(uv), []string{uv}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			requireNoLeak(t)
			d := newDaemon(t, map[string][]string{uv: {tc.written}, uvBoth: {""}})
			open := make(gate)
			d.registry = open.before(d.registry)
			r := newResolver(d)
			results := make([]*Resolution, 50)
			errs := make([]error, len(results))
			var wg, started sync.WaitGroup
			started.Add(len(results))
			for i := range results {
				wg.Go(func() {
					opt := amd64Opt(uv)
					opt.LogName = fmt.Sprintf("[stage %d] load metadata", i)
					started.Done()
					results[i], errs[i] = r.Resolve(t.Context(), ConfigRequest(d, uv, opt))
				})
			}
			started.Wait()
			close(open)
			wg.Wait()
			requireRequests(t, d, uv, tc.asked...)
			for i := range results {
				require.NoError(t, errs[i])
				require.Same(t, results[0], results[i])
			}
			require.Equal(t, []*Resolution{results[0]}, r.All())
		})
	}
}

func TestPlatformsAreAskedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDaemon(t, map[string][]string{uv: {""}})
		d.registry = slowly(d.registry)
		r := newResolver(d)
		platforms := []*platform{nil, {OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm", Variant: "v6"}, {OS: "linux", Architecture: "arm", Variant: "v7"}}
		began := time.Now()
		for range 2 {
			var g errgroup.Group
			for _, p := range platforms {
				g.Go(func() error {
					_, err := r.Resolve(t.Context(), ConfigRequest(d, uv, sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: p}}))
					return err
				})
			}
			require.NoError(t, g.Wait())
		}
		require.Len(t, d.calls, len(platforms))
		require.Equal(t, time.Second, time.Since(began), "at the same time")
	})
}

// TestConcurrentFallbacks: many tags of one repository, each rejected, and the names
// looked up in between.
func TestConcurrentFallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := answering(t, nil)
		d.registry = slowly(func(_ context.Context, ref string) error {
			if strings.HasPrefix(ref, "ghcr.io/") {
				return errors.New(rejected)
			}
			return nil
		})
		r := newResolver(d)
		var g errgroup.Group
		for i := range 50 {
			g.Go(func() error {
				_, err := r.Resolve(t.Context(), ask(d, fmt.Sprintf("ghcr.io/astral-sh/uv:%d", i)))
				return err
			})
			g.Go(func() error {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond)
				r.Names()
				r.Source(parse(t, uvPinned), &amd64)
				return nil
			})
		}
		require.NoError(t, g.Wait())
		require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "GHCR.IO:443/astral-sh/uv"}, r.Names())
		require.Len(t, r.All(), 50)
		require.Len(t, d.calls, 100)
	})
}

// TestCancelled: a cancelled call ends at once with the caller's cause, and what it was
// about stays unknown.
func TestCancelled(t *testing.T) {
	why := errors.New("why")
	for _, tc := range []struct {
		name     string
		registry func(script answerFunc) answerFunc
		after    time.Duration
	}{
		{"as written", func(answerFunc) answerFunc { return hangs }, time.Minute},
		{"under the alias", func(script answerFunc) answerFunc {
			return func(ctx context.Context, ref string) error {
				if ref == uv {
					return script(ctx, ref)
				}
				return hangs(ctx, ref)
			}
		}, answerWithin / 2},
		{"in the pause", func(script answerFunc) answerFunc { return script }, transientWait / 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {outage}})
				d.registry = tc.registry(d.registry)
				r := newResolver(d)
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(tc.after, func() { cancel(why) })
				began := time.Now()
				_, err := r.Resolve(ctx, ask(d, uv))
				require.ErrorIs(t, err, why)
				require.Equal(t, tc.after, time.Since(began))
				require.Empty(t, r.All())
				require.Empty(t, r.Names())

				// Nothing of it is remembered: the next one asks again.
				d.registry = func(context.Context, string) error { return nil }
				require.NoError(t, resolve(t, r, d, uv).Err)
				require.Len(t, r.All(), 1)
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
	d := newDaemon(t, map[string][]string{uv: {""}})
	open := make(gate)
	d.registry = open.before(d.registry)
	r := newResolver(d)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	asking := func(ctx context.Context, done chan<- error) {
		_, err := r.Resolve(ctx, ask(d, uv))
		done <- err
	}
	go asking(ctx, first)
	require.Eventually(t, func() bool { asked, _ := d.requests(); return len(asked) == 1 }, time.Minute, time.Millisecond)
	joining := &watched{Context: t.Context(), waits: make(chan struct{})}
	go asking(joining, second)
	<-joining.waits
	cancel(why)
	require.ErrorIs(t, <-first, why, "at once, although the registry has not answered")
	close(open)
	require.NoError(t, <-second)
	requireRequests(t, d, uv, uv)
}
