package compat

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// daemon is one that builds, a row of the table.
type daemon struct {
	name string // in host names and names of subtests
	tool string
	// usual daemons are made by `make tools`.
	usual bool
	start func(*testing.T, daemon) *running
}

// daemons are the older BuildKits, the checkout's own, and the engines.
func daemons() ([]daemon, error) {
	older, err := harness.OlderBuildkitds()
	if err != nil {
		return nil, err
	}
	var list []daemon
	for _, tool := range older {
		minor := tool[strings.LastIndexByte(tool, '.')+1:]
		list = append(list, daemon{name: "buildkit-" + minor, tool: tool, start: startBuildkitd})
	}
	return append(list,
		daemon{name: "buildkit", tool: harness.ToolBuildkitd, usual: true, start: startBuildkitd},
		daemon{name: "engine-20", tool: harness.ToolEngine, usual: true, start: startEngine},
		daemon{name: "engine-29", tool: harness.ToolEngine29, start: startEngine},
	), nil
}

// running is a daemon that has started, and its clients.
type running struct {
	env    *harness.Env
	name   string
	title  string // what it says of itself
	client *client.Client
	buildx func(context.Context, harness.CommandOpt) (*harness.Output, error)
	// engine daemons give containers no network but the host's.
	engine bool
	places int
}

func startBuildkitd(t *testing.T, d daemon) *running {
	t.Helper()
	e := harness.T(t)
	b, err := e.StartBuildkitd(t.Context(), harness.BuildkitdOpt{Tool: d.tool})
	require.NoError(t, err)
	tidy(t, b.Process)
	c, err := b.Client(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	info, err := c.Info(t.Context())
	require.NoError(t, err)
	version, older := strings.CutPrefix(d.tool, harness.ToolBuildkitd+"-")
	if older {
		version = "v" + version + "."
	} else {
		version, err = harness.BuildKitVersion()
		require.NoError(t, err)
	}
	require.Contains(t, info.BuildkitVersion.Version, version, "the version that is stamped")
	return &running{env: e, name: d.name, title: "BuildKit " + info.BuildkitVersion.Version, client: c, buildx: b.Buildx}
}

func startEngine(t *testing.T, d daemon) *running {
	t.Helper()
	e := harness.T(t)
	start := e.StartDockerd
	if d.tool == harness.ToolEngine29 {
		start = e.StartEngine29
	}
	b, err := start(t.Context())
	require.NoError(t, err)
	tidy(t, b.Process)
	c, err := b.Client(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	info, err := b.Info(t.Context())
	require.NoError(t, err)
	store := "graph driver"
	if info.Containerd {
		store = "containerd image store"
	}
	require.Equal(t, d.tool == harness.ToolEngine29, info.Containerd, "%+v", info)
	version := info.Version
	if strings.HasPrefix(version, "v2.0.0") {
		version = "29 (moby " + version + ")" // the version of the Go module
	}
	return &running{
		env: e, name: d.name, title: "Docker Engine " + version + ", " + store,
		client: c, buildx: b.Buildx, engine: true,
	}
}

func tidy(t *testing.T, p *harness.Process) {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, p.Stop(context.WithoutCancel(t.Context()))) })
	harness.LogOnFailure(t, p)
}

// solve builds through the gateway, as a client without buildx does.
func (d *running) solve(t *testing.T, image string, in harness.SolveInput) *harness.Result {
	t.Helper()
	if image != "" {
		in.Frontend = harness.Frontend{Image: image}
	}
	if d.engine {
		if in.Opts == nil {
			in.Opts = map[string]string{}
		}
		in.Opts["force-network-mode"] = "host"
		in.Modify = func(o *client.SolveOpt) { o.AllowedEntitlements = append(o.AllowedEntitlements, "network.host") }
	}
	return world.Solve(t, d.env, d.client, in)
}

// command runs `buildx build` with the frontend of the image on the syntax line.
func (d *running) command(t *testing.T, image string, files map[string]string, login *harness.DockerConfig, args ...string) *harness.Output {
	t.Helper()
	opt := harness.CommandOpt{
		Files: map[string]string{}, DockerConfig: login, Env: []string{"NO_COLOR=1", "BUILDX_METADATA_WARNINGS=1"},
		Args: append([]string{"build", "--progress=plain"}, args...),
	}
	for name, text := range files {
		if name == "Dockerfile" {
			text = "# syntax=" + image + "\n" + text
		}
		opt.Files[name] = text
	}
	if d.engine {
		opt.Args = append(opt.Args, "--network=host")
	}
	opt.Args = append(opt.Args, ".")
	out, err := d.buildx(t.Context(), opt)
	require.NoError(t, err)
	require.Empty(t, d.env.Network.Refused(), "something tried to leave the host")
	return out
}

// abilities are the capabilities that pullsafe asks a daemon for.
var abilities = []struct {
	name string
	has  func(gwclient.BuildOpts) error
}{
	{"warnings", func(o gwclient.BuildOpts) error { return o.Caps.Supports(gwpb.CapGatewayWarnings) }},
	{"source metadata", func(o gwclient.BuildOpts) error { return o.Caps.Supports(gwpb.CapSourceMetaResolver) }},
	{"source policies", func(o gwclient.BuildOpts) error { return o.LLBCaps.Supports(pb.CapSourcePolicy) }},
	{"session policies", func(o gwclient.BuildOpts) error { return o.LLBCaps.Supports(pb.CapSourcePolicySession) }},
}

// lacks asks the daemon which of the abilities it has not.
func (d *running) lacks(t *testing.T) string {
	t.Helper()
	var missing []string
	_, err := d.client.Build(t.Context(), client.SolveOpt{}, "pullsafe", func(_ context.Context, c gwclient.Client) (*gwclient.Result, error) {
		for _, a := range abilities {
			if a.has(c.BuildOpts()) != nil {
				missing = append(missing, a.name)
			}
		}
		return gwclient.NewResult(), nil
	}, nil)
	require.NoError(t, err)
	if len(missing) == 0 {
		return "nothing"
	}
	return strings.Join(missing, ", ")
}
