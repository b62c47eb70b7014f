package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// historyWait bounds the question to buildx: somebody waits for his prompt.
const historyWait = 3 * time.Second

// failedToSolve is what buildx prints before the error of a build.
const failedToSolve = "ERROR: failed to solve: "

// record is what is read of `buildx history inspect --format json`.
type record struct {
	CompletedAt *time.Time
	Error       *struct {
		Message string
		Sources []byte // the excerpt of the Dockerfile
	}
}

// History asks the docker or buildx program that find returns for the newest build
// of the current builder.
func History(find func() []string, env []string) LastError {
	return func(ctx context.Context, since time.Time) string {
		program := find()
		if len(program) == 0 {
			return ""
		}
		ctx, cancel := context.WithTimeoutCause(ctx, historyWait, errors.New("buildx took too long"))
		defer cancel()
		args := slices.Concat(program[1:], []string{"history", "inspect", "--format", "json"})
		cmd := exec.CommandContext(ctx, program[0], args...) //nolint:gosec // G204: docker's or buildx's own program
		cmd.Env = env
		cmd.WaitDelay = time.Second
		var out bytes.Buffer
		cmd.Stdout = &out
		if cmd.Run() != nil {
			return "" // an older buildx, or a builder without a history
		}
		var r record
		if json.Unmarshal(out.Bytes(), &r) != nil || r.Error == nil || r.CompletedAt == nil || r.CompletedAt.Before(since) {
			return ""
		}
		return string(r.Error.Sources) + "\n" + failedToSolve + strings.TrimPrefix(r.Error.Message, failedToSolve)
	}
}
