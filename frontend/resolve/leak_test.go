package resolve

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain: no test may leave a goroutine behind, whatever it cancels or breaks.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
