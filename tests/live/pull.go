package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/util/resolver"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// The made-up login.
const (
	madeUpUser     = "pullsafe-live"
	madeUpPassword = "made-up-and-never-valid"
)

// hubAuthKey is the key of Docker Hub in a Docker configuration.
const hubAuthKey = "https://index.docker.io/v1/"

// maxManifest bounds what is read of a manifest.
const maxManifest = 4 << 20

// pull resolves an image and fetches the manifest and the smallest layer of its
// first platform. It returns the digest of what the reference names.
func pull(ctx context.Context, ref, loginFor string) (string, error) {
	manager, group, err := openSession(ctx, loginFor)
	if err != nil {
		return "", err
	}
	// A pool of its own: BuildKit's keeps tokens.
	r := resolver.NewPool().GetResolver(resolver.NewRegistryConfig(nil), ref, resolver.ScopeType{}, manager, group)
	_, desc, err := r.Resolve(ctx, ref)
	if err != nil {
		return "", err
	}
	fetcher, err := r.Fetcher(ctx, ref)
	if err != nil {
		return "", err
	}
	manifest := desc
	var index ocispecs.Index
	if err := fetchJSON(ctx, fetcher, desc, &index); err != nil {
		return "", err
	}
	if len(index.Manifests) > 0 {
		manifest = index.Manifests[0]
	}
	var image ocispecs.Manifest
	if err := fetchJSON(ctx, fetcher, manifest, &image); err != nil {
		return "", err
	}
	if len(image.Layers) == 0 {
		return "", errors.Errorf("%s has no layers", ref)
	}
	layer := slices.MinFunc(image.Layers, func(a, b ocispecs.Descriptor) int { return int(a.Size - b.Size) })
	return desc.Digest.String(), fetch(ctx, fetcher, layer, io.Discard)
}

func fetchJSON(ctx context.Context, f remotes.Fetcher, desc ocispecs.Descriptor, v any) error {
	var b limited
	if err := fetch(ctx, f, desc, &b); err != nil {
		return err
	}
	return errors.WithStack(json.Unmarshal(b, v))
}

// fetch copies a blob and compares its digest.
func fetch(ctx context.Context, f remotes.Fetcher, desc ocispecs.Descriptor, w io.Writer) error {
	body, err := f.Fetch(ctx, desc)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	verifier := desc.Digest.Verifier()
	if _, err := io.Copy(io.MultiWriter(verifier, w), body); err != nil {
		return errors.WithStack(err)
	}
	if !verifier.Verified() {
		return errors.Errorf("%s: other content than its digest", desc.Digest)
	}
	return nil
}

// limited is a buffer that refuses more than a manifest can have.
type limited []byte

func (l *limited) Write(p []byte) (int, error) {
	if len(*l)+len(p) > maxManifest {
		return 0, errors.New("a manifest that is too large")
	}
	*l = append(*l, p...)
	return len(p), nil
}

// openSession joins a daemon's and a client's side of BuildKit's session in this
// process: the client's looks the login up as `docker buildx` does.
func openSession(ctx context.Context, loginFor string) (*session.Manager, session.Group, error) {
	manager, err := session.NewManager()
	if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	file := configfile.New("")
	if loginFor != "" {
		key := loginFor
		if key == "docker.io" {
			key = hubAuthKey
		}
		file.AuthConfigs[key] = types.AuthConfig{ServerAddress: key, Username: madeUpUser, Password: madeUpPassword}
	}
	s, err := session.NewSession(ctx, "")
	if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	s.Allow(authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{AuthConfigProvider: authprovider.LoadAuthConfig(file)}))
	go func() {
		_ = s.Run(ctx, func(ctx context.Context, _ string, meta map[string][]string) (net.Conn, error) {
			client, daemon := net.Pipe()
			go func() { _ = manager.HandleConn(ctx, daemon, meta) }()
			return client, nil
		})
	}()
	return manager, session.NewGroup(s.ID()), nil
}
