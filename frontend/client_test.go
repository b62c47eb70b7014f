package frontend

import (
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"
)

func amd64Opt() sourceresolver.Opt {
	return sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &amd64, ResolveMode: "default"}}
}

func TestSourceMetadata(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}})
	c := newClient(gw, defaults())
	op := &pb.SourceOp{Identifier: "docker-image://" + uv, Attrs: map[string]string{"a": "b"}}
	first, err := c.ResolveSourceMetadata(t.Context(), op, amd64Opt())
	require.NoError(t, err)
	require.Equal(t, []string{uv, uvUpper}, gw.asked())
	require.Equal(t, "[internal] load metadata for "+uv+" (without credentials)", gw.calls[1].logName)
	require.Equal(t, "docker-image://"+uv, first.Op.Identifier)
	require.Equal(t, map[string]string{"a": "b"}, first.Op.Attrs)
	require.Equal(t, testDigest, first.Image.Digest)
	require.Equal(t, "docker-image://"+uv, op.Identifier, "the caller's op is not changed")

	// What one caller does to its answer is not seen by the next.
	first.Op.Identifier = "changed"
	second, err := c.ResolveSourceMetadata(t.Context(), op, amd64Opt())
	require.NoError(t, err)
	require.Equal(t, "docker-image://"+uv, second.Op.Identifier)
	require.Len(t, gw.calls, 2)
}

// TestSourceMetadataIsAskedApart: a config is not an answer to a request for
// metadata.
func TestSourceMetadataIsAskedApart(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {""}})
	c := newClient(gw, defaults())
	require.NoError(t, config(t, c, uv))
	res, err := c.ResolveSourceMetadata(t.Context(), &pb.SourceOp{Identifier: "docker-image://" + uv}, amd64Opt())
	require.NoError(t, err)
	require.Equal(t, testDigest, res.Image.Digest)
	require.Equal(t, []string{uv, uv}, gw.asked())
}

func TestOtherSourcesPassThrough(t *testing.T) {
	gw := newFake(t, nil)
	c := newClient(gw, defaults())
	for _, id := range []string{"git://github.com/a/b", "https://ghcr.io/x", "docker-image://Not A Reference", "local://context"} {
		op := &pb.SourceOp{Identifier: id}
		if id == "docker-image://Not A Reference" {
			gw.registry = newFake(t, map[string][]string{"Not A Reference": {refused}}).registry
			_, err := c.ResolveSourceMetadata(t.Context(), op, sourceresolver.Opt{})
			require.EqualError(t, err, refused)
			continue
		}
		res, err := c.ResolveSourceMetadata(t.Context(), op, sourceresolver.Opt{})
		require.NoError(t, err)
		require.Same(t, op, res.Op)
	}
	require.Empty(t, c.resolver.ledger.outcomes)
}

func TestLayoutsPassThrough(t *testing.T) {
	const layout = "ghcr.io/layout/x:1"
	gw := newFake(t, map[string][]string{layout: {refused}})
	c := newClient(gw, defaults())
	opt := sourceresolver.Opt{LogName: "layout", OCILayoutOpt: &sourceresolver.ResolveOCILayoutOpt{Platform: &amd64}}
	_, _, _, err := c.ResolveImageConfig(t.Context(), layout, opt)
	require.EqualError(t, err, refused)
	require.Equal(t, []call{{ref: layout, logName: "layout"}}, gw.calls)
	require.Empty(t, c.resolver.ledger.outcomes)
}

// TestWhatIsAskedApart: only the name of the progress step does not matter.
func TestWhatIsAskedApart(t *testing.T) {
	arm64 := platform{OS: "linux", Architecture: "arm64"}
	image := func(opt sourceresolver.ResolveImageOpt) sourceresolver.Opt {
		return sourceresolver.Opt{ImageOpt: &opt}
	}
	key := func(kind, ref string, opt sourceresolver.Opt) string {
		return newQuery(kind, ref, opt, nil).key
	}
	same := amd64Opt()
	same.LogName = "another step"
	require.Equal(t, key("config", uv, amd64Opt()), key("config", uv, same))

	seen := map[string]string{key("config", uv, amd64Opt()): "the first"}
	for name, k := range map[string]string{
		"kind":               key("source", uv, amd64Opt()),
		"reference":          key("config", uv+"x", amd64Opt()),
		"no options":         key("config", uv, sourceresolver.Opt{}),
		"platform":           key("config", uv, image(sourceresolver.ResolveImageOpt{Platform: &arm64, ResolveMode: "default"})),
		"no platform":        key("config", uv, image(sourceresolver.ResolveImageOpt{ResolveMode: "default"})),
		"mode":               key("config", uv, image(sourceresolver.ResolveImageOpt{Platform: &amd64, ResolveMode: "pull"})),
		"no config":          key("config", uv, image(sourceresolver.ResolveImageOpt{Platform: &amd64, ResolveMode: "default", NoConfig: true})),
		"attestation chain":  key("config", uv, image(sourceresolver.ResolveImageOpt{Platform: &amd64, ResolveMode: "default", AttestationChain: true})),
		"single attestation": key("config", uv, image(sourceresolver.ResolveImageOpt{Platform: &amd64, ResolveMode: "default", ResolveAttestations: []string{"x"}})),
	} {
		require.Empty(t, seen[k], name)
		seen[k] = name
	}
}

// frontendClient is a client that knows its own image.
type frontendClient struct {
	gwclient.Client
	st bkllb.State
}

func (c frontendClient) CurrentFrontend() (*bkllb.State, error) { return &c.st, nil }

func TestCurrentFrontend(t *testing.T) {
	gw := newFake(t, nil)
	st, err := newClient(gw, defaults()).CurrentFrontend()
	require.NoError(t, err)
	require.Nil(t, st)
	st, err = newClient(frontendClient{Client: gw}, defaults()).CurrentFrontend()
	require.NoError(t, err)
	require.NotNil(t, st)
}
