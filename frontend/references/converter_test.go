package references_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
)

// converterClient is a gateway client that records what BuildKit's converter
// asks for and answers with an image without layers.
type converterClient struct {
	gwclient.Client
	opts map[string]string
	// onbuild are the triggers of an image; nil: no image has any.
	onbuild func(ref string) []string

	mu    sync.Mutex
	asked map[string]string // name and platform -> progress step
}

func (c *converterClient) BuildOpts() gwclient.BuildOpts {
	return gwclient.BuildOpts{
		Opts:    c.opts,
		Workers: []gwclient.WorkerInfo{{Platforms: []ocispecs.Platform{amd64}}},
		LLBCaps: pb.Caps.CapSet(pb.Caps.All()),
		Caps:    gwpb.Caps.CapSet(gwpb.Caps.All()),
	}
}

// errNothingSolved ends the converter behind the resolution of images.
var errNothingSolved = errors.New("nothing is solved here")

func (c *converterClient) Solve(context.Context, gwclient.SolveRequest) (*gwclient.Result, error) {
	return nil, errNothingSolved
}

func (c *converterClient) Inputs(context.Context) (map[string]bkllb.State, error) {
	return nil, nil
}

func (c *converterClient) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[ref+" "+references.PlatformString(opt.ImageOpt.Platform)] = opt.LogName
	var triggers []string
	if c.onbuild != nil {
		triggers = c.onbuild(ref)
	}
	dt, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": "amd64", "rootfs": map[string]any{"type": "layers", "diff_ids": []string{}},
		"config": map[string]any{"OnBuild": triggers},
	})
	return ref, digest.FromString(ref), dt, err
}

// converterAsks returns what the converter asks for; an error that comes before
// it asks is returned too.
func converterAsks(t *testing.T, dt []byte, opts map[string]string, allStages bool) (map[string]string, error) {
	t.Helper()
	return (&converterClient{opts: opts}).asks(t, dt, allStages)
}

func (c *converterClient) asks(t *testing.T, dt []byte, allStages bool) (map[string]string, error) {
	t.Helper()
	c = &converterClient{opts: maps.Clone(c.opts), onbuild: c.onbuild, asked: map[string]string{}}
	bc, err := dockerui.NewClient(c)
	require.NoError(t, err)
	platforms := []*ocispecs.Platform{nil}
	if len(bc.TargetPlatforms) > 0 {
		platforms = nil
		for i := range bc.TargetPlatforms {
			platforms = append(platforms, &bc.TargetPlatforms[i])
		}
	}
	for _, p := range platforms {
		opt := dockerfile2llb.ConvertOpt{Config: bc.Config, Client: bc, MetaResolver: c, TargetPlatform: p, AllStages: allStages}
		opt.BuildArgs = maps.Clone(opt.BuildArgs)
		// Reading .dockerignore, the first step after resolution, fails here.
		if _, cerr := dockerfile2llb.Dockerfile2LLB(t.Context(), dt, opt); cerr != nil {
			err = cerr
		}
	}
	return c.asked, err
}

// TestAgreesWithConverter is what keeps this package honest: for each Dockerfile
// it must find exactly what BuildKit's converter asks for, under the same name of
// the progress step.
func TestAgreesWithConverter(t *testing.T) {
	dockerfiles := []string{
		"FROM alpine",
		"FROM alpine AS a\nFROM ghcr.io/x/y:1 AS b\nFROM a\nCOPY --from=b / /",
		"FROM alpine AS a\nFROM ghcr.io/x/y:1 AS b\nFROM a",
		"ARG V=1\nARG IMG=ghcr.io/x/y:$V\nFROM $IMG AS x\nFROM ${IMG}-slim\nCOPY --from=0 / /",
		"ARG BASE\nFROM ${BASE:-debian}\nARG BASE=alpine\nRUN true",
		"FROM --platform=$BUILDPLATFORM golang AS build\nARG TARGETARCH\nRUN --mount=type=cache,target=/c true\nFROM alpine\nCOPY --from=build / /",
		"FROM --platform=linux/arm/v7 alpine\nRUN --mount=type=bind,from=quay.io/a/b,target=/b true",
		"FROM scratch AS ctx\nFROM alpine AS base\nFROM Base AS two\nFROM base AS three\nCOPY --from=THREE / /",
		"FROM alpine AS base\nFROM base\nCOPY --from=registry:2 / /\nCOPY --link --from=docker.io/library/registry:2 / /",
		"FROM alpine@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nCOPY <<EOT /x\nhi\nEOT",
		"FROM 127.0.0.1:5000/a\nCOPY --from=localhost/b / /\nCOPY --from=index.docker.io/library/c / /\nCOPY --from=Reg.Test:443/d / /",
		"FROM busybox AS a\nCOPY --from=b / /\nFROM alpine AS b\nFROM a",
		"FROM alpine AS builder\nFROM builder-$TARGETSTAGE AS x",
		"FROM alpine AS base\nONBUILD COPY --from=quay.io/a/b:1 / /x\nONBUILD RUN --mount=from=base,target=/m true\nFROM base AS one\nFROM base AS two\nFROM scratch\nCOPY --from=one / /",
		"FROM alpine\nRUN --mount=type=secret,id=a --mount=from=base,target=/x --mount=type=tmpfs,target=/t true\nADD https://example.com/x /x",
	}
	contexts := []map[string]string{
		{},
		{"target": "base"},
		{"build-arg:V": "2", "build-arg:BASE": "quay.io/base:9", "build-arg:TARGETARCH": "z"},
		{"platform": "linux/arm64"},
		{"platform": "linux/amd64,linux/arm64"},
		{"platform": "linux/amd64", "multi-platform": "true"},
		{"context:alpine": "docker-image://quay.io/mirror/alpine:1"},
		{"context:base": "docker-image://quay.io/base@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"context:alpine::linux/arm64": "docker-image://scratch", "platform": "linux/amd64,linux/arm64"},
	}
	for _, df := range dockerfiles {
		for _, opts := range contexts {
			name := df
			for _, k := range slices.Sorted(maps.Keys(opts)) {
				name += " " + k + "=" + opts[k]
			}
			t.Run(name, func(t *testing.T) { agree(t, df, opts) })
		}
	}
}

func agree(t *testing.T, dockerfile string, opts map[string]string) {
	c := &converterClient{opts: maps.Clone(opts)}
	bc, err := dockerui.NewClient(c)
	require.NoError(t, err)
	set, err := references.Collect(t.Context(), []byte(dockerfile), references.Options{
		Target:          bc.Target,
		BuildArgs:       bc.BuildArgs,
		BuildPlatform:   bc.BuildPlatforms[0],
		TargetPlatforms: bc.TargetPlatforms,
		MultiPlatform:   bc.MultiPlatformRequested,
		Contexts:        references.ParseContexts(c.opts),
	})
	needed, cerr := converterAsks(t, []byte(dockerfile), opts, false)
	if err != nil {
		require.Error(t, cerr)
		require.Empty(t, needed, "refused here, asked for by the converter: %v", err)
		return
	}
	got, all := map[string]string{}, map[string]string{}
	for _, r := range set.References {
		key := r.Name + " " + references.PlatformString(r.Platform)
		all[key] = r.LogName
		if r.Needed {
			got[key] = r.LogName
		}
	}
	require.Equal(t, needed, got, "the converter's error: %v", cerr)

	everything, _ := converterAsks(t, []byte(dockerfile), opts, true)
	require.Equal(t, everything, all)
}
