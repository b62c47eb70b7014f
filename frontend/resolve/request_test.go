package resolve

import (
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"
)

func TestConfigRequest(t *testing.T) {
	q := ask(nil, uv)
	require.Equal(t, uv, q.Ref)
	require.Equal(t, &amd64, q.Platform)
	require.Equal(t, uvStep, q.LogName)
	require.Nil(t, ConfigRequest(nil, uv, sourceresolver.Opt{}).Platform)
}

// TestWhatIsAskedApart: only the name of the progress step does not matter.
func TestWhatIsAskedApart(t *testing.T) {
	arm64 := platform{OS: "linux", Architecture: "arm64"}
	image := func(opt sourceresolver.ResolveImageOpt) sourceresolver.Opt {
		return sourceresolver.Opt{ImageOpt: &opt}
	}
	key := func(kind, ref string, opt sourceresolver.Opt) string {
		return newRequest(kind, ref, opt, nil).key
	}
	first, same := amd64Opt(uv), amd64Opt(uv)
	same.LogName = "another step"
	require.Equal(t, key("config", uv, first), key("config", uv, same))

	seen := map[string]string{key("config", uv, first): "the first"}
	for name, k := range map[string]string{
		"kind":               key("source", uv, first),
		"reference":          key("config", uv+"x", first),
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

// TestSourceRequest: as for a configuration, and the answer has the name and the
// attributes that were asked for.
func TestSourceRequest(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
		d.noPolicies = noPolicies
		op := &pb.SourceOp{Identifier: "docker-image://" + uv, Attrs: map[string]string{"a": "b"}}
		q, ok := SourceRequest(d, op, amd64Opt(uv))
		require.True(t, ok)
		res, err := newResolver(d).Resolve(t.Context(), q)
		require.NoError(t, err)
		require.NoError(t, res.Err)
		requireRequests(t, d, uv, uv, uvBoth)
		require.Equal(t, uvStep, d.calls[1].logName)
		require.Equal(t, uv, res.Image.Ref)
		require.Equal(t, testDigest, res.Image.Digest)
		require.Equal(t, testConfig, res.Image.Config)
		require.Equal(t, "docker-image://"+uv, res.Image.Meta.Op.Identifier)
		require.Equal(t, map[string]string{"a": "b"}, res.Image.Meta.Op.Attrs)
		require.Equal(t, "docker-image://"+uv, op.Identifier, "the caller's op is not changed")
	}
}

// TestSourceRequestAttributes are part of the request.
func TestSourceRequestAttributes(t *testing.T) {
	key := func(attrs map[string]string) string {
		q, ok := SourceRequest(nil, &pb.SourceOp{Identifier: "docker-image://" + uv, Attrs: attrs}, amd64Opt(uv))
		require.True(t, ok)
		return q.key
	}
	require.Equal(t, key(nil), key(map[string]string{}))
	require.Equal(t, key(map[string]string{"a": "1", "b": "2"}), key(map[string]string{"b": "2", "a": "1"}))
	require.NotEqual(t, key(nil), key(map[string]string{"a": "1"}))
}

func TestSourceRequestOfNoImage(t *testing.T) {
	for _, id := range []string{"git://github.com/a/b", "https://ghcr.io/x", "docker-image://Not A Reference", "local://context", ""} {
		_, ok := SourceRequest(nil, &pb.SourceOp{Identifier: id}, sourceresolver.Opt{})
		require.False(t, ok, id)
	}
}
