package dropin

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestCalls: the requests that upstream answers are answered as upstream does.
func TestCalls(t *testing.T) {
	files := world.Dockerfile("# the base\nFROM alpine:3.23 as base\nARG V=1\nFROM base AS last\nMAINTAINER me\nRUN echo $V\n")
	_, _, d := world.FreshDaemon(t)
	for _, call := range []string{"check", "outline", "targets", "check,format=json", "outline,format=json", "targets,format=json"} {
		t.Run(call, func(t *testing.T) {
			var want *harness.Output
			for _, image := range []string{shared.Upstream, shared.Pullsafe} {
				out := world.Buildx(t, d, image, harness.CommandOpt{Files: files}, "--call="+call)
				if want == nil {
					want = out
					continue
				}
				require.Equal(t, stable(want.Stdout), stable(out.Stdout))
				require.Equal(t, want.Code, out.Code)
			}
		})
	}
}

// stable leaves out what differs from build to build: the definition of the local
// source holds the session.
func stable(stdout string) string {
	var doc map[string]any
	if json.Unmarshal([]byte(stdout), &doc) != nil {
		return stdout
	}
	if sources, ok := doc["sources"].([]any); ok {
		for _, s := range sources {
			if m, ok := s.(map[string]any); ok {
				delete(m, "definition")
			}
		}
	}
	dt, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return stdout
	}
	return string(dt)
}
