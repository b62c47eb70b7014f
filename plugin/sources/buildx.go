package sources

import (
	"bytes"
	"context"
	"os/exec"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// maxWords bounds what buildx says of a bake file, in runes.
const maxWords = 2000

// Buildx runs buildx: as a plugin of the docker program, or on its own where
// there is none.
func Buildx(docker string) func(context.Context, ...string) ([]byte, error) {
	return func(ctx context.Context, args ...string) ([]byte, error) {
		program, err := findBuildx(ctx, docker)
		if err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, program[0], append(program[1:], args...)...) //nolint:gosec // G204: docker's or buildx's own program
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			if context.Cause(ctx) != nil {
				return nil, context.Cause(ctx)
			}
			return nil, errors.Errorf("%s failed:\n%s", strings.Join(program, " ")+" "+args[0], said(stderr.String(), err))
		}
		return stdout.Bytes(), nil
	}
}

// findBuildx is the beginning of the command line.
func findBuildx(ctx context.Context, docker string) ([]string, error) {
	if path, err := exec.LookPath(docker); err == nil {
		if exec.CommandContext(ctx, path, "buildx", "version").Run() == nil { //nolint:gosec // G204: as above
			return []string{path, "buildx"}, nil
		}
	}
	for _, name := range []string{"docker-buildx", "buildx"} {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}, nil
		}
	}
	return nil, errors.New("buildx is required to read bake files: install the docker-buildx plugin (https://github.com/docker/buildx#installing)")
}

// said is what a program printed as its error, line by line.
func said(stderr string, err error) string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(stderr)) {
		lines = append(lines, "  "+diagnosis.Clean(strings.TrimRight(line, "\n"), maxWords))
	}
	if len(lines) == 0 {
		return "  " + err.Error()
	}
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
