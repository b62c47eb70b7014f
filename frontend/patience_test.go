package frontend

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// TestNoAnswer: a registry that hangs under its host aliases does not hold the
// error back for longer than the bound, whatever it does.
func TestNoAnswer(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer func(ctx context.Context) error
		took   time.Duration
		asked  int // without credentials
		says   string
	}{
		{"hangs", func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("rpc error: code = Canceled desc = context canceled")
		}, answerWithin, 1, "no answer within a minute"},
		{"a late fault is not repeated", func(context.Context) error {
			time.Sleep(repeatWithin + time.Second)
			return errors.New("failed to do request: EOF")
		}, 3 * (repeatWithin + time.Second), 3, "EOF"},
		{"a fault at once is", func(context.Context) error {
			return errors.New("failed to do request: EOF")
		}, 3 * 3 * transientWait, 9, "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := newFake(t, nil)
				gw.registry = func(ctx context.Context, ref string, _ sourceresolver.Opt) error {
					if ref == uv {
						return errors.New(refused)
					}
					return tc.answer(ctx)
				}
				c := newClient(gw, defaults())
				start := time.Now()
				err := config(t, c, uv)
				require.Equal(t, tc.took, time.Since(start))
				require.Len(t, gw.asked(), 1+tc.asked)
				require.ErrorContains(t, err, "ghcr.io refused the stored credentials")
				require.ErrorContains(t, err, tc.says)
			})
		})
	}
}
