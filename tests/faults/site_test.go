package faults

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// layerSize is enough to break a layer in the middle.
const layerSize = 256 << 10

// site is a registry host with one image, used by one build.
type site struct {
	*harness.Registry
	env     *harness.Env
	name    string
	host    string
	ref     string // of the image
	repo    string
	content string // of its file
	digest  string
	other   string // digest of another image in the repository

	mu     sync.Mutex
	config string // path of the first blob that was asked for: metadata comes before layers
}

func newSite(t *testing.T, e *harness.Env, name string) *site {
	t.Helper()
	s := &site{env: e, name: name, host: name + ".fault.test", repo: "acme/" + name, content: noise(name)}
	s.ref = s.host + "/" + s.repo + ":1"
	reg, err := shared.Local.Front(t.Context(), harness.RegistryOpt{Hosts: []string{s.host}, Mode: harness.ModeToken})
	require.NoError(t, err)
	t.Cleanup(reg.Disconnect)
	s.Registry = reg
	s.digest, err = s.push("1", s.content)
	require.NoError(t, err)
	s.other, err = s.push("2", noise(name+"-other"))
	require.NoError(t, err)
	return s
}

// push is also called while a request is answered, when the test may be over.
func (s *site) push(tag, content string) (digest string, err error) {
	return s.Push(context.Background(), s.repo+":"+tag,
		harness.Image{Files: map[string]string{"/content": content}, Platforms: []string{"linux/amd64"}})
}

// noise is text that no other name has.
func noise(name string) string {
	var seed [32]byte
	copy(seed[:], name)
	b := make([]byte, layerSize)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return name + string(b)
}

// is combines conditions.
func is(conds ...func(*http.Request) bool) func(*http.Request) bool {
	return func(req *http.Request) bool {
		for _, c := range conds {
			if !c(req) {
				return false
			}
		}
		return true
	}
}

func token(req *http.Request) bool    { return req.URL.Path == "/token" }
func manifest(req *http.Request) bool { return strings.Contains(req.URL.Path, "/manifests/") }
func blob(req *http.Request) bool     { return strings.Contains(req.URL.Path, "/blobs/") }
func get(req *http.Request) bool      { return req.Method == http.MethodGet }
func byTag(req *http.Request) bool    { return strings.HasSuffix(req.URL.Path, "/manifests/1") }

// authorized leaves out the first request of a client, which has no token yet.
func authorized(req *http.Request) bool { return req.Header.Get("Authorization") != "" }

// anonymous is a request for a token, or with one, that no login is behind.
func (s *site) anonymous(req *http.Request) bool {
	if token(req) {
		return req.Method == http.MethodGet && !authorized(req)
	}
	return req.Host != s.host
}

// layer is a request for a blob that is not the image's configuration.
func (s *site) layer(req *http.Request) bool {
	if !blob(req) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config == "" {
		s.config = req.URL.Path
	}
	return req.URL.Path != s.config
}

// run is how a build went.
type run struct {
	*harness.Result
	site    *site
	took    time.Duration
	content string // what was built
}

// reported is the digest in the report of the build.
func (r *run) reported(t *testing.T) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(r.Response.ExporterResponse["frontend.pullsafe.report"])
	require.NoError(t, err)
	var rep report.Report
	require.NoError(t, json.Unmarshal(b, &rep))
	require.Len(t, rep.References, 1)
	return rep.References[0].Digest
}

// dockerfile has a step, which needs the layers.
func (s *site) dockerfile() string { return "FROM " + s.ref + "\nWORKDIR /w\n" }

// build builds on the image of the site, or what change makes of that, and reads the
// result.
func (s *site) build(ctx context.Context, t *testing.T, c *client.Client, fe harness.Frontend, cfg *harness.DockerConfig, change ...func(*harness.SolveInput)) *run {
	t.Helper()
	out := t.TempDir()
	in := harness.SolveInput{
		Frontend: fe, Files: world.Dockerfile(s.dockerfile()), DockerConfig: cfg,
		Exports: []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
	}
	for _, f := range change {
		f(&in)
	}
	began := time.Now()
	res, err := s.env.Solve(ctx, c, in)
	require.NoError(t, err)
	require.Empty(t, s.env.Network.Refused(), "something tried to leave the host")
	r := &run{Result: res, site: s, took: time.Since(began)}
	if res.Err == nil && in.Opts == nil {
		b, err := os.ReadFile(filepath.Join(out, "content"))
		require.NoError(t, err)
		r.content = string(b)
	}
	return r
}
