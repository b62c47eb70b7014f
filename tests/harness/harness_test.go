package harness_test

import (
	"context"
	"os"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

const uvDockerfile = `FROM docker.io/library/alpine:3.23
COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /bin/uv
RUN uv --version | tee /version 2>/dev/null || uv --version > /version
`

// world is what all tests of builds share; tests that look at requests reset
// them and do not run in parallel.
type world struct {
	ghcr, hub, local *harness.Registry
	buildkitd        *harness.Buildkitd
}

var shared world

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	os.Exit(harness.Main(m, shared.start))
}

func (w *world) start(ctx context.Context, e *harness.Env) (err error) {
	for _, r := range []struct {
		reg **harness.Registry
		opt harness.RegistryOpt
	}{
		{&w.ghcr, harness.GHCR()},
		{&w.hub, harness.DockerHub()},
		{&w.local, harness.RegistryOpt{Mode: harness.ModeOpen}},
	} {
		if *r.reg, err = e.StartRegistry(ctx, r.opt); err != nil {
			return err
		}
	}
	images := map[*harness.Registry]map[string]harness.Image{
		w.hub: {
			"library/alpine:3.23": {Busybox: true, Platforms: []string{"linux/amd64", "linux/arm64"}},
		},
		w.ghcr: {
			"astral-sh/uv:0.7.1":   {Files: map[string]string{"/uv": "#!/bin/sh\necho uv 0.7.1\n"}},
			"acme/private-base:1":  {Busybox: true},
			"acme/public-base:1.0": {Busybox: true},
		},
	}
	for reg, list := range images {
		for name, img := range list {
			if _, err := reg.Push(ctx, name, img); err != nil {
				return err
			}
		}
	}
	target, err := harness.ReadFrontendTarget("testdata/Dockerfile", nil)
	if err != nil {
		return err
	}
	if _, err = w.local.PushBinary(ctx, "upstream:latest", e.Tools.Path(harness.ToolFrontend), target); err != nil {
		return err
	}
	w.buildkitd, err = e.StartBuildkitd(ctx, harness.BuildkitdOpt{})
	return err
}

// frontends are the two ways in which every scenario is built.
func (w *world) frontends(t *testing.T) []harness.Frontend {
	t.Helper()
	harness.T(t) // without an environment there is no registry to name
	return []harness.Frontend{
		{Name: "client", Func: builder.Build},
		{Name: "image", Image: w.local.Addr + "/upstream:latest"},
	}
}

// connect returns a client that ends with the test.
func connect(t *testing.T) *client.Client {
	t.Helper()
	c, err := shared.buildkitd.Client(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// fresh gives the test a daemon without any cache: a daemon that has built an
// image before does not ask the registry again.
func fresh(t *testing.T) (*harness.Env, *client.Client) {
	t.Helper()
	e := harness.T(t)
	harness.LogOnFailure(t, shared.buildkitd.Process)
	c := connect(t)
	require.NoError(t, shared.buildkitd.Prune(t.Context()))
	for _, r := range []*harness.Registry{shared.ghcr, shared.hub, shared.local} {
		r.ResetRequests()
	}
	return e, c
}

// requireNothingRefused asserts that no program tried to reach a real host.
func requireNothingRefused(t *testing.T, e *harness.Env) {
	t.Helper()
	require.Empty(t, e.Network.Refused())
}
