package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/config"
	dockerconfig "github.com/docker/cli/cli/config/configfile"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/plugin/buildlog"
	"github.com/org/pullsafe/plugin/frontendimage"
	"github.com/org/pullsafe/plugin/hook"
	"github.com/org/pullsafe/plugin/output"
)

// pullingAfter is when a person at a terminal is told what he waits for.
const pullingAfter = 2 * time.Second

// scratch is a Dockerfile that has nothing to build.
const scratch = "FROM scratch\n"

// find is the frontend image for a build; nil when there is none, which has been said.
func (m *machine) find(ctx context.Context, image, builder string) (*frontendimage.Image, error) {
	if isTerminal(os.Stderr) {
		timer := time.AfterFunc(pullingAfter, func() { note(output.PullingFrontend(image)) })
		defer timer.Stop()
	}
	answer, err := m.store.Find(ctx, m.ask(builder), image, m.key(builder))
	return m.found(ctx, image, answer, err)
}

// again is find after a build with the image has failed; again is false if that did
// not come from the image.
func (m *machine) again(ctx context.Context, image, builder string, failure error) (_ *frontendimage.Image, again bool, _ error) {
	var status cli.StatusError
	if context.Cause(ctx) != nil || !errors.As(failure, &status) || status.StatusCode == exitInterrupted {
		return nil, false, nil
	}
	answer, again, err := m.store.Again(ctx, m.ask(builder), image, m.key(builder))
	if !again {
		return nil, false, nil
	}
	found, err := m.found(ctx, image, answer, err)
	return found, true, err
}

func (m *machine) found(ctx context.Context, image string, answer frontendimage.Answer, err error) (*frontendimage.Image, error) {
	if context.Cause(ctx) != nil {
		return nil, cli.StatusError{StatusCode: exitInterrupted}
	}
	if err != nil {
		note(output.NoFrontend(image, err.Error()))
		return nil, nil //nolint:nilnil // the Dockerfile's own frontend builds
	}
	if answer.Fallback != nil {
		note("pullsafe: " + answer.Fallback.Short())
	}
	return &answer.Image, nil
}

// ask runs buildx on a Dockerfile that has nothing to build.
func (m *machine) ask(builder string) frontendimage.Builder {
	return func(ctx context.Context, args ...string) (string, error) {
		line := []string{"build"}
		if builder != "" {
			line = append(line, "--builder", builder)
		}
		cmd := m.buildxCommand(ctx, slices.Concat(line, args, []string{"-"})...)
		var out bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(scratch), &out, &out
		cmd.Env = append(cmd.Env, "NO_COLOR=1")
		err := cmd.Run()
		return out.String(), errors.Wrap(err, "buildx")
	}
}

// key is all that tells one builder from another.
func (m *machine) key(builder string) []string {
	key := []string{builder, config.Dir()}
	if m.call != nil {
		key = append(key, m.call.Global...)
	}
	for _, name := range []string{"BUILDX_BUILDER", "BUILDX_CONFIG", "DOCKER_HOST", "DOCKER_CONTEXT"} {
		key = append(key, name+"="+os.Getenv(name))
	}
	if m.asDocker {
		key = append(key, m.call.Builder(m.cfg, os.LookupEnv))
	}
	return key
}

// hasCredentials tells whether any credentials are stored that a build could send.
func hasCredentials(cfg *dockerconfig.ConfigFile) bool {
	if cfg.ContainsAuth() || os.Getenv(dockerconfig.DockerEnvConfigKey) != "" {
		return true
	}
	dir := os.Getenv("BUILDX_CONFIG")
	if dir == "" {
		dir = filepath.Join(config.Dir(), "buildx")
	}
	scoped, err := os.ReadDir(filepath.Join(dir, "config"))
	return err == nil && len(scoped) > 0
}

// lastFailure explains what a build that has just failed says of a registry, where its
// builder keeps a record of builds; nil for nothing.
func (m *machine) lastFailure(ctx context.Context, since time.Time) *buildlog.Result {
	history := func() []string { return m.buildx.Line() }
	text := hook.History(history, m.buildx.Below(m.environ()))(ctx, since)
	if text == "" {
		return nil
	}
	res, err := buildlog.Explain(ctx, strings.NewReader(text), buildlog.Options{})
	if err != nil || len(res.Failures) == 0 {
		return nil
	}
	res.Lines = 1 // nobody has given a text
	return res
}
