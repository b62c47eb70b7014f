package buildlog

import (
	"context"
	"io"
	"sync/atomic"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/internal/attack"
	"github.com/org/pullsafe/plugin/buildlog/lines"
)

var errInterrupted = errors.New("interrupted")

// endless repeats a kind of log, and cancels when some of it was read.
type endless struct {
	io.Reader

	after  int
	cancel context.CancelCauseFunc
	beyond atomic.Int64 // bytes read after that
}

// Read implements io.Reader.
func (e *endless) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if e.after -= n; e.after <= 0 {
		e.cancel(errInterrupted)
		e.beyond.Add(int64(n))
	}
	return n, err
}

// TestCanceled: whatever is read, no more of it is once the context has ended.
func TestCanceled(t *testing.T) {
	for _, kind := range attack.LogKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			log := &endless{Reader: kind.Log(1 << 40), after: 30_000, cancel: cancel}
			_, err := Explain(ctx, log, Options{})
			require.ErrorIs(t, err, errInterrupted)
			require.LessOrEqual(t, log.beyond.Load(), int64(2*lines.MaxLine))
		})
	}
}

// TestCanceledWhileItWaits: a read that never ends does not keep it.
func TestCanceledWhileItWaits(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	go cancel(errInterrupted)
	_, err := Explain(ctx, r, Options{})
	require.ErrorIs(t, err, errInterrupted)
}
