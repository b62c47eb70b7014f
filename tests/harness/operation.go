package harness

import (
	"context"

	"github.com/pkg/errors"
)

var errClosed = errors.New("the environment is closed")

// begin opens an operation that writes into the environment's folder: Close ends
// its context, waits until done is called, and only then removes the folder. It
// fails once Close has begun.
func (e *Env) begin(ctx context.Context) (_ context.Context, done func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, nil, errClosed
	}
	e.operations.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(e.open, func() { cancel(errClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		e.operations.Done()
	}, nil
}
