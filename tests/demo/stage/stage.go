// Package stage is what the builds of examples/uv run on where there is no Docker
// and no registry: buildkitd, registries under the names of the real ones on
// loopback, small images in place of the real ones, both frontends, and a login
// for ghcr.io that ghcr.io refuses. The demo and the README's pictures share it.
package stage

import (
	"context"
	"path/filepath"

	"github.com/org/pullsafe/tests/harness"
)

// Stage is a running daemon and what it needs for builds of the example.
type Stage struct {
	Env       *harness.Env
	Buildkitd *harness.Buildkitd
	// Login is a Docker configuration with a login for ghcr.io that it refuses.
	Login *harness.DockerConfig
	// Example is the folder examples/uv of the checkout.
	Example string
}

// Run starts the stage, calls play, and removes all of the stage, also when the
// process is ended by a signal. It tells what it does through say.
func Run(ctx context.Context, say func(format string, args ...any), play func(context.Context, *Stage) error) error {
	say("starting buildkitd and stand-ins for Docker Hub and ghcr.io on loopback")
	return harness.Perform(ctx, func(ctx context.Context, env *harness.Env) error {
		defer say("cleaning up")
		if err := env.SetProcessEnv(); err != nil {
			return err
		}
		s := &Stage{Env: env}
		if err := s.start(ctx, say); err != nil {
			return err
		}
		return play(ctx, s)
	})
}

func (s *Stage) start(ctx context.Context, say func(format string, args ...any)) error {
	root, err := harness.Checkout()
	if err != nil {
		return err
	}
	s.Example = filepath.Join(root, "examples", "uv")
	hub, err := s.Env.StartRegistry(ctx, harness.DockerHub())
	if err != nil {
		return err
	}
	ghcr, err := s.Env.StartRegistry(ctx, harness.GHCR())
	if err != nil {
		return err
	}
	say("making small stand-ins for python:3.13-slim-trixie and ghcr.io/astral-sh/uv")
	if err := pushImages(ctx, hub, ghcr); err != nil {
		return err
	}
	say("building the frontend image from this checkout")
	if _, err := s.Env.PushFrontend(ctx, hub, "org/pullsafe:1"); err != nil {
		return err
	}
	if _, err := s.Env.PushUpstreamFrontend(ctx, hub, "docker/dockerfile:1"); err != nil {
		return err
	}
	say("storing credentials for ghcr.io that it rejects, as it does an expired token")
	if s.Login, err = s.Env.StaleLogin("ghcr.io"); err != nil {
		return err
	}
	s.Buildkitd, err = s.Env.StartBuildkitd(ctx, harness.BuildkitdOpt{})
	return err
}

func pushImages(ctx context.Context, hub, ghcr *harness.Registry) error {
	uv := "#!/bin/sh\ncase $1 in sync) echo 'uv (stand-in): environment is in sync' ;; *) echo 'uv (stand-in)' ;; esac\n"
	for _, img := range []struct {
		reg  *harness.Registry
		name string
		img  harness.Image
	}{
		{hub, "library/python:3.13-slim-trixie", harness.Image{Busybox: true}},
		{ghcr, "astral-sh/uv:0.9.7", harness.Image{Files: map[string]string{"/uv": uv, "/uvx": uv}}},
		{ghcr, "acme/private-tools:1", harness.Image{Files: map[string]string{"/tool": uv}}},
	} {
		if _, err := img.reg.Push(ctx, img.name, img.img); err != nil {
			return err
		}
	}
	return nil
}
