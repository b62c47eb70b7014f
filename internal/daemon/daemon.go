// Package daemon is what the fakes of BuildKit's daemon in unit tests have in common.
package daemon

import (
	"sync"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// Listed is a registry that gives, for each reference, the listed answers in order and
// then the last one again: "" is an image, anything else an error's text. Any other
// reference fails the test. It is safe for concurrent use.
func Listed(t testing.TB, answers map[string][]string) func(ref string) error {
	var mu sync.Mutex
	next := map[string]int{}
	return func(ref string) error {
		mu.Lock()
		defer mu.Unlock()
		list, ok := answers[ref]
		if !ok {
			t.Errorf("the registry was asked for %q", ref)
			return errors.Errorf("%s: not expected", ref)
		}
		text := list[min(next[ref], len(list)-1)]
		next[ref]++
		if text == "" {
			return nil
		}
		return errors.New(text)
	}
}

// Load makes of op, which was read from dt, what the daemon makes of it, and returns its
// digest: a source is put to the policies, and what they change gives new digests to all
// that depends on it (solver/llbsolver, loadLLB). The digests that the inputs have become
// are taken from to.
func Load(t testing.TB, engine *sourcepolicy.Engine, op *pb.Op, dt []byte, to map[string]string) digest.Digest {
	t.Helper()
	changed := false
	if src := op.GetSource(); src != nil {
		var err error
		changed, err = engine.Evaluate(t.Context(), src)
		require.NoError(t, err)
	}
	for _, input := range op.Inputs {
		changed = changed || input.Digest != to[input.Digest]
		input.Digest = to[input.Digest]
	}
	if !changed {
		return digest.FromBytes(dt)
	}
	again, err := op.Marshal()
	require.NoError(t, err)
	return digest.FromBytes(again)
}
