// Package tests runs pullsafe against the real thing: buildkitd, registries that
// ask for credentials, buildx and Docker Engine, all of them started by the
// harness. Each scenario runs twice, with the frontend in this process and as
// the image that users name, and asserts what the registries saw.
package tests

import (
	"context"
	"os"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/tests/harness"
)

// world is what all tests share. Tests that look at requests reset them and do
// not run in parallel.
type world struct {
	ghcr  *harness.Registry // ghcr.io: a token service that refuses with 403
	hub   *harness.Registry // Docker Hub: a token service on another host
	basic *harness.Registry // basic.test: Basic authentication
	plain *harness.Registry // 127.0.0.1:PORT: a token service, without TLS
	local *harness.Registry // 127.0.0.1:PORT: asks nobody; the frontend images

	pullsafe string // reference of the image under test
	upstream string // reference of BuildKit's own image
}

var shared world

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, shared.start))
}

// basicHost is a registry that asks with a Basic challenge.
const basicHost = "basic.test"

func (w *world) start(ctx context.Context, e *harness.Env) (err error) {
	for _, r := range []struct {
		reg **harness.Registry
		opt harness.RegistryOpt
	}{
		{&w.ghcr, harness.GHCR()},
		{&w.hub, harness.DockerHub()},
		{&w.basic, harness.RegistryOpt{Hosts: []string{basicHost}, Mode: harness.ModeBasic}},
		{&w.plain, harness.RegistryOpt{Mode: harness.ModeToken}},
		{&w.local, harness.RegistryOpt{Mode: harness.ModeOpen}},
	} {
		if *r.reg, err = e.StartRegistry(ctx, r.opt); err != nil {
			return err
		}
	}
	if err := w.pushImages(ctx); err != nil {
		return err
	}
	if _, err = e.PushFrontend(ctx, w.local, "org/pullsafe:latest"); err != nil {
		return err
	}
	if _, err = e.PushUpstreamFrontend(ctx, w.local, "docker/dockerfile:1"); err != nil {
		return err
	}
	w.pullsafe = w.local.Addr + "/org/pullsafe:latest"
	w.upstream = w.local.Addr + "/docker/dockerfile:1"
	return nil
}

// uvImage stands in for ghcr.io/astral-sh/uv: two programs and nothing else.
func uvImage() harness.Image {
	const script = "#!/bin/sh\necho uv 0.7.1\n"
	return harness.Image{Files: map[string]string{"/uv": script, "/uvx": script}, Platforms: platforms}
}

// base is an image with a shell whose layers are no other's: BuildKit fetches a
// layer from whichever repository it knows it in.
func base(name string) harness.Image {
	return harness.Image{Busybox: true, Files: map[string]string{"/etc/image": name}, Platforms: platforms}
}

var platforms = []string{"linux/amd64", "linux/arm64"}

func (w *world) pushImages(ctx context.Context) error {
	onbuild := base("onbuild")
	onbuild.Config.OnBuild = []string{"COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /bin/uv"}
	for reg, list := range map[*harness.Registry]map[string]harness.Image{
		w.hub: {"library/alpine:3.23": base("alpine"), "library/onbuild:1": onbuild},
		w.ghcr: {
			"astral-sh/uv:0.7.1":   uvImage(),
			"acme/base:1":          base("acme/base-1"),
			"acme/base:2":          base("acme/base-2"),
			"acme/tools:2":         base("acme/tools-2"),
			"acme/private-base:1":  base("acme/private-base-1"),
			"acme/private-tools:1": base("acme/private-tools-1"),
			"acme/one-platform:1":  {Busybox: true, Platforms: []string{"linux/amd64"}},
		},
		w.basic: {"acme/base:1": base("basic")},
		w.plain: {"acme/base:1": base("plain")},
	} {
		for name, img := range list {
			if _, err := reg.Push(ctx, name, img); err != nil {
				return err
			}
		}
	}
	return nil
}

// both runs f with the frontend in this process and as the image.
func both(t *testing.T, f func(t *testing.T, fe harness.Frontend)) {
	t.Helper()
	for _, fe := range shared.frontends() {
		t.Run(fe.Name, func(t *testing.T) { f(t, fe) })
	}
}

func (w *world) frontends() []harness.Frontend {
	return []harness.Frontend{
		{Name: "client", Func: frontend.Build},
		{Name: "image", Image: w.pullsafe},
	}
}

// fresh gives the test a daemon of its own, and registries that have seen
// nothing: a daemon remembers images, and for minutes also tokens.
func fresh(t *testing.T) (*harness.Env, *client.Client) {
	t.Helper()
	e, c, _ := freshDaemon(t)
	return e, c
}

func freshDaemon(t *testing.T) (*harness.Env, *client.Client, *harness.Buildkitd) {
	t.Helper()
	e := harness.T(t)
	d, err := e.StartBuildkitd(t.Context(), harness.BuildkitdOpt{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Stop(context.WithoutCancel(t.Context()))) })
	harness.LogOnFailure(t, d.Process)
	c, err := d.Client(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	shared.reset()
	return e, c, d
}

func (w *world) registries() []*harness.Registry {
	return []*harness.Registry{w.ghcr, w.hub, w.basic, w.plain, w.local}
}

func (w *world) reset() {
	for _, r := range w.registries() {
		r.ResetRequests()
	}
}

// dockerfile is a build context of one file.
func dockerfile(text string) map[string]string {
	return map[string]string{"Dockerfile": text}
}

// solve builds and expects the harness itself to work.
func solve(t *testing.T, e *harness.Env, c *client.Client, in harness.SolveInput) *harness.Result {
	t.Helper()
	res, err := e.Solve(t.Context(), c, in)
	require.NoError(t, err)
	require.Empty(t, e.Network.Refused(), "something tried to leave the host")
	return res
}

// staleLogin has a refused login for each of the hosts.
func staleLogin(t *testing.T, e *harness.Env, hosts ...string) *harness.DockerConfig {
	t.Helper()
	cfg, err := e.StaleLogin(hosts...)
	require.NoError(t, err)
	return cfg
}

// goodLogin has a login that the hosts take.
func goodLogin(t *testing.T, e *harness.Env, hosts ...string) *harness.DockerConfig {
	t.Helper()
	opt := harness.DockerConfigOpt{Auths: map[string]harness.Login{}}
	for _, h := range hosts {
		opt.Auths[h] = harness.Good
	}
	cfg, err := e.DockerConfig(opt)
	require.NoError(t, err)
	return cfg
}
