package sources

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/internal/attack"
)

// TestFindEndsWithItsContext, also where what it waits for looks at none.
func TestFindEndsWithItsContext(t *testing.T) {
	in(t, map[string]string{"b.hcl": ""})
	why := errors.New("why")
	for name, input := range map[string]func(end chan struct{}) Input{
		"standard input": func(end chan struct{}) Input {
			r, w := io.Pipe()
			go func() { <-end; _ = w.Close() }()
			return Input{Files: []string{"-"}, Stdin: r}
		},
		"bake": func(end chan struct{}) Input {
			return Input{Files: []string{"b.hcl"}, Buildx: func(context.Context, ...string) ([]byte, error) {
				<-end
				return nil, errors.New("too late")
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end := make(chan struct{})
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(why) })
				began := time.Now()
				_, err := Find(ctx, input(end))
				require.ErrorIs(t, err, why)
				require.Equal(t, time.Second, time.Since(began))
				close(end)
				synctest.Wait()
			})
		})
	}
}

// TestFindIsBounded: what is not looked at is no answer.
func TestFindIsBounded(t *testing.T) {
	for _, kind := range []string{"flat", "unneeded"} {
		_, err := Find(t.Context(), Input{Files: []string{"-"}, Stdin: strings.NewReader(attack.Dockerfile(kind, 9_000) + strings.Repeat("#\n", 2_000))})
		require.ErrorContains(t, err, "too long, or names too many images")
	}
}
