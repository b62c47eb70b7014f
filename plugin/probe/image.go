package probe

import (
	"context"
	"encoding/json"
	"io"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// maxManifests bounds the platforms of one index that are listed.
const maxManifests = 256

// image is what a registry has under one name.
type image struct {
	fetcher remotes.Fetcher
	desc    ocispecs.Descriptor
	index   *ocispecs.Index // nil for an image for one platform
}

// open reads the manifest of a resolved image.
func open(ctx context.Context, fetcher remotes.Fetcher, desc ocispecs.Descriptor) (*image, error) {
	img := &image{fetcher: fetcher, desc: desc}
	if !images.IsIndexType(desc.MediaType) {
		return img, nil
	}
	var index ocispecs.Index
	if err := img.read(ctx, desc, &index); err != nil {
		return nil, err
	}
	img.index = &index
	return img, nil
}

// platforms are those of the index, without the attestations beside them.
func (img *image) platforms() []string {
	var out []string
	if img.index == nil {
		return nil
	}
	for _, m := range img.index.Manifests[:min(len(img.index.Manifests), maxManifests)] {
		if m.Platform == nil || m.Platform.OS == "unknown" || m.Platform.OS == "" {
			continue
		}
		if p := platforms.FormatAll(platforms.Normalize(*m.Platform)); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// config reads the configuration of the image for a platform, which the same
// registry must have, and returns its platform and ONBUILD triggers.
func (img *image) config(ctx context.Context, platform *ocispecs.Platform) (p string, onBuild []string, err error) {
	desc := img.desc
	if img.index != nil {
		if desc, err = img.choose(platform); err != nil {
			return "", nil, err
		}
	}
	var manifest ocispecs.Manifest
	if err := img.read(ctx, desc, &manifest); err != nil {
		return "", nil, err
	}
	if manifest.Config.Digest == "" {
		return "", nil, errors.Errorf("manifest %s has no configuration", desc.Digest)
	}
	var config struct {
		ocispecs.Platform
		Config struct {
			OnBuild []string
		} `json:"config"`
	}
	if err := img.read(ctx, manifest.Config, &config); err != nil {
		return "", nil, err
	}
	return platforms.FormatAll(platforms.Normalize(config.Platform)), config.Config.OnBuild, nil
}

// choose is the manifest for a platform, as containerd chooses.
func (img *image) choose(platform *ocispecs.Platform) (ocispecs.Descriptor, error) {
	want := platforms.Default()
	if platform != nil {
		want = platforms.Only(*platform)
	}
	var found []ocispecs.Descriptor
	for _, m := range img.index.Manifests {
		if m.Platform == nil || want.Match(*m.Platform) {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return ocispecs.Descriptor{}, errors.Errorf("no match for platform in manifest %s: not found", img.desc.Digest)
	}
	slices.SortStableFunc(found, func(a, b ocispecs.Descriptor) int {
		switch {
		case a.Platform == nil || b.Platform == nil:
			return 0
		case want.Less(*a.Platform, *b.Platform):
			return -1
		case want.Less(*b.Platform, *a.Platform):
			return 1
		default:
			return 0
		}
	})
	return found[0], nil
}

// read fetches a JSON document of the image and checks its digest.
func (img *image) read(ctx context.Context, desc ocispecs.Descriptor, into any) error {
	rc, err := img.fetcher.Fetch(ctx, desc)
	if err != nil {
		return err
	}
	defer func() { _ = rc.Close() }()
	dt, err := io.ReadAll(io.LimitReader(rc, maxBody))
	if err != nil {
		return errors.Wrapf(err, "reading %s", desc.Digest)
	}
	if desc.Digest.Validate() != nil || desc.Digest.Algorithm().FromBytes(dt) != desc.Digest {
		return errors.Errorf("the registry sent content that does not match %s", desc.Digest)
	}
	return errors.Wrapf(json.Unmarshal(dt, into), "reading %s", desc.Digest)
}
