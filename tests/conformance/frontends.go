package main

import (
	"archive/tar"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

// image is a frontend image as an OCI tar.
type image struct {
	name, channel string
	tar           string
}

func (i image) String() string {
	if i.channel == harness.ChannelMainline {
		return i.name
	}
	return i.name + " " + i.channel
}

// frontends makes the images of a channel: upstream's and pullsafe's.
func (s *suite) frontends(ctx context.Context, channel string) (upstream, pullsafe image, err error) {
	binary, err := s.buildUpstream(ctx, channel)
	if err != nil {
		return image{}, image{}, err
	}
	if upstream, err = s.frontend("upstream", channel, binary); err != nil {
		return image{}, image{}, err
	}
	if binary, err = s.env.BuildFrontend(ctx, channel); err != nil {
		return image{}, image{}, err
	}
	pullsafe, err = s.frontend("pullsafe", channel, binary)
	return upstream, pullsafe, err
}

// buildUpstream builds upstream's program as upstream's Dockerfile does.
func (s *suite) buildUpstream(ctx context.Context, channel string) (string, error) {
	tags, err := os.ReadFile(filepath.Join(s.source, "frontend", "dockerfile", "release", channel, "tags"))
	if err != nil {
		return "", errors.WithStack(err)
	}
	out := filepath.Join(s.bin, "dockerfile-frontend-"+channel)
	return out, s.env.Go(ctx, s.module, "build", "-trimpath", "-ldflags", "-s -w -X main.Version="+s.version+"-"+channel,
		"-tags", strings.TrimSpace(string(tags))+" netgo static_build osusergo", "-o", out, suitePackage+"/cmd/dockerfile-frontend")
}

// frontend packs a program as the stage "frontend" of the Dockerfile does. What
// BuildKit reads of the labels is the same in upstream's image.
func (s *suite) frontend(name, channel, binary string) (image, error) {
	target, err := harness.CheckoutTarget(channel)
	if err != nil {
		return image{}, err
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return image{}, errors.WithStack(err)
	}
	img, err := (standIn{
		entrypoint: target.Entrypoint, labels: target.Labels, workingDir: "/",
		files: []file{{name: target.Entrypoint[0], mode: 0o755, data: program}},
	}).build()
	if err != nil {
		return image{}, err
	}
	dir := filepath.Join(s.env.Dir, name+"-"+channel)
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img})); err != nil {
		return image{}, errors.WithStack(err)
	}
	return image{name, channel, dir + ".tar"}, writeTar(dir+".tar", dir)
}

func writeTar(path, dir string) error {
	f, err := os.Create(path)
	if err != nil {
		return errors.WithStack(err)
	}
	defer func() { _ = f.Close() }()
	w := tar.NewWriter(f)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return errors.WithStack(err)
	}
	if err := w.Close(); err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(f.Close())
}
