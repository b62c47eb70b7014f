package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	dockerconfig "github.com/docker/cli/cli/config/configfile"

	"github.com/org/pullsafe/plugin/accepted"
	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/frontendimage"
	"github.com/org/pullsafe/plugin/output"
)

// frontendBuild is a build for which pullsafe's frontend was chosen.
type frontendBuild struct {
	m                 *machine
	frontend, builder string
	in                *buildcmd.Stdin
	args              []string
}

// run builds with pullsafe's frontend, or with the Dockerfile's own if the builder
// cannot have that. extra are more arguments of buildx.
func (b *frontendBuild) run(ctx context.Context, extra ...string) error {
	image, err := b.m.find(ctx, b.frontend, b.builder)
	if err != nil {
		return err
	}
	failure := b.m.run(ctx, b.in.Again(), b.line(image, extra))
	if failure == nil || image == nil {
		return failure
	}
	image, again, err := b.m.again(ctx, b.frontend, b.builder, failure)
	if err != nil || !again {
		return failure
	}
	return b.m.run(ctx, b.in.Again(), b.line(image, extra))
}

func (b *frontendBuild) line(image *frontendimage.Image, extra []string) []string {
	if image == nil {
		return append([]string{"build"}, b.args...)
	}
	return slices.Concat([]string{"build"}, image.BuildArgs(), extra, b.args)
}

// unlessAccepted builds with the Dockerfile's own frontend if the same build has found
// all credentials accepted, and with pullsafe's if it has not, or if they are rejected
// by now.
func (b *frontendBuild) unlessAccepted(ctx context.Context, dockerfile []byte) error {
	store, key := acceptedBuilds(), b.key(dockerfile)
	if store.Has(key) {
		begun := time.Now()
		failure := b.m.run(ctx, b.in.Again(), b.line(nil, nil))
		if failure == nil || context.Cause(ctx) != nil {
			return failure
		}
		res := b.m.lastFailure(ctx, begun)
		if res == nil || !res.Failures[0].AnonymousRetryCanHelp {
			return failure
		}
		note(output.BuildAgain(res.Failures[0].Host))
		store.Drop(key)
	}
	dir, err := os.MkdirTemp("", "pullsafe-")
	if err != nil {
		return b.run(ctx)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	metadata := filepath.Join(dir, "metadata.json")
	if err := b.run(ctx, "--metadata-file", metadata); err != nil {
		return err
	}
	if text, err := os.ReadFile(metadata); err == nil && accepted.Passed(text) { //nolint:gosec // G304: in our own folder
		store.Add(key)
	}
	return nil
}

// key is all that the images and the credentials of the build depend on.
func (b *frontendBuild) key(dockerfile []byte) string {
	cfg, _ := os.ReadFile(configName())
	cwd, _ := os.Getwd()
	parts := append(b.m.key(b.builder), b.args...)
	return accepted.Key(string(dockerfile), string(cfg), os.Getenv(dockerconfig.DockerEnvConfigKey), config.Dir(), cwd, b.frontend, strings.Join(parts, "\x00"))
}
