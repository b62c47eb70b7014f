package clients

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	gcr "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

const cacheHost = "cache.test"

// TestRegistryCache: a cache in another registry is the same, whoever made it:
// what was built with a good login, or with upstream's image, is found under a
// refused login, and the other way round. For that the cache keys must be equal.
func TestRegistryCache(t *testing.T) {
	slow(t)
	e := harness.T(t)
	cache, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Hosts: []string{cacheHost}, Mode: harness.ModeToken})
	require.NoError(t, err)
	t.Cleanup(cache.Disconnect)
	login := func(s side) *harness.DockerConfig {
		hosts := []string{cacheHost}
		if s.name == goodSide.name {
			hosts = append(hosts, "ghcr.io")
		}
		return s.login(t, e, hosts...)
	}
	makers := append(sides(), side{name: goodSide.name, image: shared.Upstream})
	var keys []string
	hits := 0
	for i, maker := range makers {
		ref := cacheHost + "/cache:" + string(rune('a'+i))
		shared.Reset()
		build(t, daemon(t, harness.BuildkitdOpt{}), maker, harness.CommandOpt{Files: world.Dockerfile(uvRun), DockerConfig: login(maker)},
			"--cache-to=type=registry,mode=max,ref="+ref)
		if maker.refused {
			for _, repo := range uvRepositories {
				world.RequireAnonymousPull(t, shared.GHCR, repo, "GHCR.IO:443")
			}
		}
		got := cacheKeys(t, cache, "cache:"+string(rune('a'+i)))
		require.NotEmpty(t, got)
		if keys == nil {
			keys = got
		}
		require.Equal(t, keys, got, "made by %s", maker.name)
		for _, user := range sides() {
			shared.Reset()
			out := build(t, daemon(t, harness.BuildkitdOpt{}), user, harness.CommandOpt{Files: world.Dockerfile(uvRun), DockerConfig: login(user)},
				"--cache-from=type=registry,ref="+ref)
			require.Empty(t, notCached(out), "made by %s, used by %s:\n%s", maker.name, user.name, out.Stderr)
			requireNoCredentialPastRefusal(t)
			hits++
		}
	}
	results.add(row{
		remote, "`--cache-to` and `--cache-from type=registry,mode=max`, the cache in another registry; made by upstream and pullsafe, with a good, a refused and no login",
		fmt.Sprintf("%d of %d second builds all `CACHED`; the %d cache keys are equal", hits, len(makers)*len(sides()), len(keys)), "none",
	})
}

// goodSide is upstream with a login that ghcr.io takes.
var goodSide = side{name: "upstream, good login"}

// notCached are the steps that were run, but for those of the frontend.
func notCached(out *harness.Output) []string {
	var run []string
	for name, end := range steps(out) {
		if strings.Contains(name, "] RUN ") && end != "CACHED" || strings.Contains(name, "] COPY ") && end != "CACHED" {
			run = append(run, name)
		}
	}
	if len(steps(out)) == 0 {
		run = append(run, "no steps were seen")
	}
	return run
}

// requireNoCredentialPastRefusal asserts that what was pulled of ghcr.io was
// pulled by nobody.
func requireNoCredentialPastRefusal(t *testing.T) {
	t.Helper()
	seen := shared.GHCR.Requests()
	require.Empty(t, seen.Manifests().WithCredentials(), "%s", seen)
	require.Empty(t, seen.Blobs().WithCredentials(), "%s", seen)
}

// cacheKeys are the digests of the records of a cache.
func cacheKeys(t *testing.T, reg *harness.Registry, repositoryTag string) []string {
	t.Helper()
	ref, err := name.ParseReference(reg.Addr+"/"+repositoryTag, name.Insecure)
	require.NoError(t, err)
	img, err := gcr.Image(ref, gcr.WithContext(t.Context()), gcr.WithAuth(&authn.Basic{Username: harness.GoodUser, Password: harness.GoodPassword}))
	require.NoError(t, err)
	blob, err := img.RawConfigFile()
	require.NoError(t, err)
	var doc struct{ Records []struct{ Digest string } }
	require.NoError(t, json.Unmarshal(blob, &doc), "%s", blob)
	var keys []string
	for _, r := range doc.Records {
		keys = append(keys, r.Digest)
	}
	slices.Sort(keys)
	return keys
}

// TestCacheInRefusedRegistry: pullsafe does not touch the logins for caches. A
// cache in the registry that refuses the login behaves as with upstream's image:
// an import is left out, an export fails the build.
func TestCacheInRefusedRegistry(t *testing.T) {
	slow(t)
	e := harness.T(t)
	const ref = "ghcr.io/acme/cache:1"
	const text = "FROM alpine:3.23\nRUN echo cached > /a\n"
	good := side{name: goodSide.name, image: shared.Upstream}
	build(t, daemon(t, harness.BuildkitdOpt{}), good, harness.CommandOpt{Files: world.Dockerfile(text), DockerConfig: good.login(t, e, "ghcr.io")},
		"--cache-to=type=registry,mode=max,ref="+ref)
	for _, tc := range []struct {
		name, tried, flag, result string
		code                      int
		cached                    bool
	}{
		{"from", "`--cache-from type=registry`, the cache public in the registry that refuses the login", "--cache-from=type=registry,ref=" + ref, "built, nothing cached", 0, false},
		{"from another spelling", "the same, spelled `GHCR.IO/...` by the user", "--cache-from=type=registry,ref=GHCR.IO/acme/cache:1", "all `CACHED`", 0, true},
		{"to", "`--cache-to type=registry` into the registry that refuses the login", "--cache-to=type=registry,ref=" + ref, "the build fails at the export", 1, false},
		{"to, ignore-error", "the same with `ignore-error=true`", "--cache-to=type=registry,ignore-error=true,ref=" + ref, "built, nothing exported", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var last []string
			for _, image := range []string{shared.Upstream, shared.Pullsafe} {
				s := side{name: image, image: image, refused: true}
				shared.Reset()
				out := buildAny(t, daemon(t, harness.BuildkitdOpt{}), s, harness.CommandOpt{Files: world.Dockerfile(text)}, tc.flag)
				require.Equal(t, tc.code, out.Code, out.Stderr)
				require.Equal(t, tc.cached, len(notCached(out)) == 0, out.Stderr)
				last = append(last, finalError(out))
				require.Empty(t, shared.GHCR.Requests().Blobs().WithCredentials())
			}
			require.Equal(t, last[0], last[1], "the same words")
			results.add(row{remote, tc.tried, strings.TrimSpace(tc.result + " " + code(last[1])), "none (upstream with the same login)"})
		})
	}
}

// finalError is what a user reads last of a build that failed.
func finalError(out *harness.Output) string {
	_, text, _ := strings.Cut(out.Stderr, "ERROR: failed to build: ")
	return strings.TrimSpace(text)
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "(`" + text + "`)"
}
