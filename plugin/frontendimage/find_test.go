package frontendimage

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

const (
	image    = "ghcr.io/org/pullsafe:1"
	digest   = "sha256:17124fdc2928476c24398465ed4f3cdd55e807e9a29ee5a291c8376c29497f2d"
	pulled   = "#1 resolve image config for docker-image://X\n#2 docker-image://X@" + digest + "\n#2 CACHED\n"
	rejected = "ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied\n"
	missing  = "ERROR: failed to build: failed to solve: X: not found\n"
	offline  = "ERROR: failed to build: failed to solve: failed to do request: Head \"https://ghcr.io/v2/org/pullsafe/manifests/1\": dial tcp: lookup ghcr.io: no such host\n"
)

// fake is a builder: answers by what BUILDKIT_SYNTAX names, and what it was asked for.
type fake struct {
	answers map[string]string
	asked   []string
}

func (f *fake) builder() Builder {
	return func(_ context.Context, args ...string) (string, error) {
		name := strings.TrimPrefix(args[len(args)-1], "BUILDKIT_SYNTAX=")
		f.asked = append(f.asked, name)
		answer, known := f.answers[name]
		if !known {
			answer = strings.ReplaceAll(missing, "X", name)
		}
		if strings.HasPrefix(answer, "ERROR") {
			return answer, errors.New("exit status 1")
		}
		return strings.ReplaceAll(answer, "X", name), nil
	}
}

func (f *fake) seen() []string {
	seen := f.asked
	f.asked = nil
	return seen
}

func TestAsk(t *testing.T) {
	f := fake{answers: map[string]string{image: pulled, image + "@" + digest: pulled}}
	a, err := f.builder().Ask(t.Context(), image)
	require.NoError(t, err)
	require.Equal(t, Image{Name: image, Digest: digest}, a.Image)
	require.Nil(t, a.Fallback)
	require.Equal(t, []string{"--build-arg", "BUILDKIT_SYNTAX=" + image + "@" + digest}, a.Image.BuildArgs())
	require.Equal(t, []string{"--set", "app.args.BUILDKIT_SYNTAX=" + image + "@" + digest}, a.Image.BakeArgs("app"))

	f = fake{answers: map[string]string{image: pulled}}
	a, err = f.builder().Ask(t.Context(), image)
	require.NoError(t, err)
	require.Equal(t, Image{Name: image}, a.Image, "a builder that has it under the tag alone")

	alias := "ghcr.io:443/org/pullsafe:1"
	f = fake{answers: map[string]string{
		image: rejected, alias: pulled, alias + "@" + digest: pulled,
		"GHCR.IO:443/org/pullsafe:1": "ERROR: unexpected status from HEAD request to https://GHCR.IO:443/v2/org/pullsafe/manifests/1: 503 Service Unavailable\n",
		"GHCR.IO/org/pullsafe:1":     "ERROR: unexpected status from HEAD request to https://GHCR.IO/v2/org/pullsafe/manifests/1: 503 Service Unavailable\n",
	}}
	a, err = f.builder().Ask(t.Context(), image)
	require.NoError(t, err)
	require.Equal(t, Image{Name: image, Alias: alias, Digest: digest}, a.Image, "the one that answers")
	require.Equal(t, "ghcr.io rejected the stored credentials; resolved "+image+" without them. Run: docker logout ghcr.io", a.Fallback.Short())

	for text, want := range map[string]string{
		rejected:                                "ghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback found no such image",
		offline:                                 "no such host",
		strings.ReplaceAll(missing, "X", image): "ghcr.io has no such image",
		"ERROR: failed to list workers: Unavailable: no builder\n":   "failed to list workers",
		"ERROR: frontend grpc server closed unexpectedly \x1b[31m\n": "frontend grpc server closed unexpectedly",
	} {
		f = fake{answers: map[string]string{image: text}}
		_, err = f.builder().Ask(t.Context(), image)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "\x1b")
	}
}

func TestAskOldBuildx(t *testing.T) {
	var asked []string
	b := Builder(func(_ context.Context, args ...string) (string, error) {
		asked = append(asked, args[1])
		if strings.HasPrefix(args[1], "--call") {
			return "unknown flag: --call\nSee 'docker buildx build --help'.", errors.New("exit status 125")
		}
		return "", nil
	})
	_, err := b.Ask(t.Context(), image)
	require.NoError(t, err)
	require.Equal(t, []string{"--call=targets,format=json", "--print=targets,format=json"}, asked)
}

func TestFind(t *testing.T) {
	now := time.Now()
	s := Store{Dir: t.TempDir(), Now: func() time.Time { return now }}
	key, other := []string{"a"}, []string{"b"}
	f := fake{answers: map[string]string{image: pulled, image + "@" + digest: pulled}}
	find := func(key []string) (Image, error) {
		a, err := s.Find(t.Context(), f.builder(), image, key)
		return a.Image, err
	}
	got, err := find(key)
	require.NoError(t, err)
	require.Len(t, f.seen(), 2)
	again, err := find(key)
	require.NoError(t, err)
	require.Equal(t, got, again)
	require.Empty(t, f.seen(), "it is remembered")
	_, err = find(other)
	require.NoError(t, err)
	require.Len(t, f.seen(), 2, "of another builder it is not")

	now = now.Add(25 * time.Hour)
	delete(f.answers, image)
	got, err = find(key)
	require.NoError(t, err)
	require.Equal(t, again, got, "the tag is gone, the builder has the image")
	_, err = find(key)
	require.NoError(t, err)
	f.seen()
	now = now.Add(2 * time.Hour)
	delete(f.answers, image+"@"+digest)
	_, err = find(key)
	require.ErrorContains(t, err, "no such image")
	f.seen()
	_, err = find(key)
	require.ErrorContains(t, err, "no such image")
	require.Empty(t, f.seen(), "not asked by every build")
	now = now.Add(pause)
	_, err = find(key)
	require.Error(t, err)
	require.NotEmpty(t, f.seen())
	s.Forget()
	f.answers[image] = pulled
	_, err = find(key)
	require.NoError(t, err)
	require.NoError(t, func() error { _, err := Store{Now: time.Now}.Find(t.Context(), f.builder(), image, key); return err }(), "no folder for caches")
}

func TestAgain(t *testing.T) {
	now := time.Now()
	s := Store{Dir: t.TempDir(), Now: func() time.Time { return now }}
	f := fake{answers: map[string]string{image: pulled, image + "@" + digest: pulled}}
	again := func() (bool, error) {
		_, again, err := s.Again(t.Context(), f.builder(), image, nil)
		return again, err
	}
	yes, err := again()
	require.NoError(t, err)
	require.False(t, yes, "nothing is known")
	_, err = s.Find(t.Context(), f.builder(), image, nil)
	require.NoError(t, err)
	f.seen()
	yes, _ = again()
	require.False(t, yes)
	require.Empty(t, f.seen(), "just seen")
	now = now.Add(certain)
	yes, _ = again()
	require.False(t, yes, "the builder has it: the build failed of something else")
	require.Len(t, f.seen(), 1)
	now = now.Add(certain)
	f.answers = map[string]string{image: offline}
	yes, err = again()
	require.True(t, yes)
	require.ErrorContains(t, err, "no such host")
	_, err = s.Find(t.Context(), f.builder(), image, nil)
	require.ErrorContains(t, err, "no such host")
}

func TestSlow(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	b := Builder(func(context.Context, ...string) (string, error) {
		cancel(ErrSlow)
		return "", errors.New("signal: killed")
	})
	_, err := b.Ask(ctx, image)
	require.ErrorIs(t, err, ErrSlow)
}
