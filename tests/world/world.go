// Package world is what the tests of pullsafe share: registries under the names
// of the real ones with small images in them, the frontend images, and the steps
// of a scenario. Each scenario runs twice, with the frontend in the test's
// process and as the image that users name (long series with -full only), and
// asserts what the registries saw.
//
// A test binary has one world, because Go reads the address of the proxy that
// leads to it only once. Tests that look at requests reset them, so they do not
// run in parallel; the packages of tests do.
package world

import (
	"context"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/tests/harness"
)

// World is the registries and images of a test binary.
type World struct {
	GHCR  *harness.Registry // ghcr.io: a token service that refuses with 403
	Hub   *harness.Registry // Docker Hub: a token service on another host
	Basic *harness.Registry // basic.test: Basic authentication
	Plain *harness.Registry // 127.0.0.1:PORT: a token service, without TLS
	Local *harness.Registry // 127.0.0.1:PORT: asks nobody; the frontend images

	Pullsafe string // reference of the image under test
	Upstream string // reference of BuildKit's own image
}

// current is the world of Main.
var current World

// Main is the body of a TestMain.
func Main(m *testing.M) int {
	return harness.Main(m, current.start)
}

// Get returns the world of Main for a test.
func Get() *World { return &current }

// BasicHost is a registry that asks with a Basic challenge.
const BasicHost = "basic.test"

func (w *World) start(ctx context.Context, e *harness.Env) (err error) {
	for _, r := range []struct {
		reg **harness.Registry
		opt harness.RegistryOpt
	}{
		{&w.GHCR, harness.GHCR()},
		{&w.Hub, harness.DockerHub()},
		{&w.Basic, harness.RegistryOpt{Hosts: []string{BasicHost}, Mode: harness.ModeBasic}},
		{&w.Plain, harness.RegistryOpt{Mode: harness.ModeToken}},
		{&w.Local, harness.RegistryOpt{Mode: harness.ModeOpen}},
	} {
		if *r.reg, err = e.StartRegistry(ctx, r.opt); err != nil {
			return err
		}
	}
	if err := w.pushImages(ctx); err != nil {
		return err
	}
	if _, err = e.PushFrontend(ctx, w.Local, "org/pullsafe:latest"); err != nil {
		return err
	}
	if _, err = e.PushUpstreamFrontend(ctx, w.Local, "docker/dockerfile:1"); err != nil {
		return err
	}
	w.Pullsafe = w.Local.Addr + "/org/pullsafe:latest"
	w.Upstream = w.Local.Addr + "/docker/dockerfile:1"
	return nil
}

// uvImage stands in for ghcr.io/astral-sh/uv: two programs and nothing else.
func uvImage() harness.Image {
	const script = "#!/bin/sh\necho uv 0.7.1\n"
	return harness.Image{Files: map[string]string{"/uv": script, "/uvx": script}, Platforms: platforms}
}

// Base is an image with a shell whose layers are no other's: BuildKit fetches a
// layer from whichever repository it knows it in.
func Base(name string) harness.Image {
	return harness.Image{Busybox: true, Files: map[string]string{"/etc/image": name}, Platforms: platforms}
}

var platforms = []string{"linux/amd64", "linux/arm64"}

func (w *World) pushImages(ctx context.Context) error {
	onbuild := Base("onbuild")
	onbuild.Config.OnBuild = []string{"COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /bin/uv"}
	for reg, list := range map[*harness.Registry]map[string]harness.Image{
		w.Hub: {"library/alpine:3.23": Base("alpine"), "library/onbuild:1": onbuild},
		w.GHCR: {
			"astral-sh/uv:0.7.1":   uvImage(),
			"acme/base:1":          Base("acme/base-1"),
			"acme/base:2":          Base("acme/base-2"),
			"acme/tools:2":         Base("acme/tools-2"),
			"acme/private-base:1":  Base("acme/private-base-1"),
			"acme/private-tools:1": Base("acme/private-tools-1"),
			"acme/one-platform:1":  {Busybox: true, Platforms: []string{"linux/amd64"}},
		},
		w.Basic: {"acme/base:1": Base("basic")},
		w.Plain: {"acme/base:1": Base("plain")},
	} {
		for name, img := range list {
			if _, err := reg.Push(ctx, name, img); err != nil {
				return err
			}
		}
	}
	return nil
}

// Both runs f with the frontend in this process and as the image.
func Both(t *testing.T, f func(t *testing.T, fe harness.Frontend)) {
	t.Helper()
	for _, fe := range current.Frontends() {
		t.Run(fe.Name, func(t *testing.T) { f(t, fe) })
	}
}

// Image is Both for what many builds show: with the image alone, unless -full is
// set.
func Image(t *testing.T, f func(t *testing.T, fe harness.Frontend)) {
	t.Helper()
	if Full() {
		Both(t, f)
		return
	}
	f(t, harness.Frontend{Name: "image", Image: current.Pullsafe})
}

// Frontends are the two ways in which each scenario is built.
func (w *World) Frontends() []harness.Frontend {
	return []harness.Frontend{
		{Name: "client", Func: frontend.Build},
		{Name: "image", Image: w.Pullsafe},
	}
}

// Fresh gives the test a daemon of its own, and registries that have seen
// nothing: a daemon remembers images, and for minutes also tokens.
func Fresh(t *testing.T) (*harness.Env, *client.Client) {
	t.Helper()
	e, c, _ := FreshDaemon(t)
	return e, c
}

// FreshDaemon is Fresh, with the daemon itself for tests that run buildx.
func FreshDaemon(t *testing.T) (*harness.Env, *client.Client, *harness.Buildkitd) {
	t.Helper()
	e := harness.T(t)
	d, err := e.StartBuildkitd(t.Context(), harness.BuildkitdOpt{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Stop(context.WithoutCancel(t.Context()))) })
	harness.LogOnFailure(t, d.Process)
	c, err := d.Client(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	current.Reset()
	return e, c, d
}

func (w *World) registries() []*harness.Registry {
	return []*harness.Registry{w.GHCR, w.Hub, w.Basic, w.Plain, w.Local}
}

// Reset makes every registry forget its requests.
func (w *World) Reset() {
	for _, r := range w.registries() {
		r.ResetRequests()
	}
}

// Dockerfile is a build context of one file.
func Dockerfile(text string) map[string]string {
	return map[string]string{"Dockerfile": text}
}

// Solve builds and expects the harness itself to work.
func Solve(t *testing.T, e *harness.Env, c *client.Client, in harness.SolveInput) *harness.Result {
	t.Helper()
	res, err := e.Solve(t.Context(), c, in)
	require.NoError(t, err)
	require.Empty(t, e.Network.Refused(), "something tried to leave the host")
	return res
}

// StaleLogin has a refused login for each of the hosts.
func StaleLogin(t *testing.T, e *harness.Env, hosts ...string) *harness.DockerConfig {
	t.Helper()
	cfg, err := e.StaleLogin(hosts...)
	require.NoError(t, err)
	return cfg
}

// GoodLogin has a login that the hosts take.
func GoodLogin(t *testing.T, e *harness.Env, hosts ...string) *harness.DockerConfig {
	t.Helper()
	opt := harness.DockerConfigOpt{Auths: map[string]harness.Login{}}
	for _, h := range hosts {
		opt.Auths[h] = harness.Good
	}
	cfg, err := e.DockerConfig(opt)
	require.NoError(t, err)
	return cfg
}
