package field

import (
	"crypto/tls"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/llb"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// site is a host with a repository that no other has.
type site struct {
	// Registry is what stands behind the row's program; nil for one that brings its
	// own registry.
	*harness.Registry
	host, repo string
}

// hubRegistry is the host of images that are written as docker.io/...
const hubRegistry = "registry-1.docker.io"

// tagBuild is the image of the build with pullsafe. Each spelling has one of its own,
// so that none is in the daemon's store.
const tagBuild = "stale"

// newSite has a registry with a token service, as ghcr.io's, behind the row's
// program.
func newSite(t *testing.T, host string) site {
	t.Helper()
	return openSite(t, harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeToken, Behind: true})
}

func openSite(t *testing.T, opt harness.RegistryOpt) site {
	t.Helper()
	host := opt.Hosts[0]
	if host == hubRegistry {
		host = "docker.io"
	}
	s := site{host: host, repo: "acme/" + strings.NewReplacer(".", "-", ":", "-").Replace(host)}
	var err error
	s.Registry, err = lab.images.Front(t.Context(), opt)
	require.NoError(t, err)
	t.Cleanup(s.Disconnect)
	for _, tag := range tags() {
		s.push(t, lab.images, tag)
	}
	return s
}

func (s site) push(t *testing.T, to *harness.Registry, tag string) {
	t.Helper()
	_, err := to.Push(t.Context(), s.repo+":"+tag, harness.Image{Files: map[string]string{"/image": s.host + ":" + tag}})
	require.NoError(t, err)
}

// kinds of the spellings of a host, in the order of the table's columns; the first is
// the host as it is usually written.
var kinds = []struct {
	name, tag string
	kind      llb.Kind
}{
	{"plain", "plain", ""},
	{"U", "u", llb.LetterCase},
	{"P", "p", llb.Port},
	{"B", "b", llb.Both},
}

func tags() []string {
	tags := []string{tagBuild}
	for _, k := range kinds {
		tags = append(tags, k.tag)
	}
	return tags
}

// ref is the image of a tag as it is usually written.
func (s site) ref(tag string) string { return s.host + "/" + s.repo + ":" + tag }

// spelled is the image under a host alias of a kind.
func (s site) spelled(t *testing.T, kind llb.Kind, tag string) string {
	t.Helper()
	if kind == "" {
		return s.ref(tag)
	}
	named, err := reference.ParseNormalizedNamed(s.ref(tag))
	require.NoError(t, err)
	aliases := llb.Aliases(named, []llb.Kind{kind})
	require.Len(t, aliases, 1)
	return aliases[0].String()
}

// kindOf is the kind of a host alias.
func (s site) kindOf(t *testing.T, host string) string {
	t.Helper()
	for _, k := range kinds {
		if strings.HasPrefix(s.spelled(t, k.kind, tagBuild), host+"/") {
			return k.name
		}
	}
	return host
}

// from is a Dockerfile that needs the layers of an image.
func from(ref string) map[string]string {
	return world.Dockerfile("FROM scratch\nCOPY --from=" + ref + " /image /image\n")
}

// answer is what BuildKit's own frontend makes of a spelling without credentials:
// "ok", the status of the answer, or the class of the error.
func (s site) answer(t *testing.T, ref string) string {
	t.Helper()
	res := solve(t, harness.SolveInput{Files: from(ref)})
	if res.Err == nil {
		if status := redirect(t, ref); status != 0 {
			return strconv.Itoa(status)
		}
		return "ok"
	}
	d := diagnosis.Diagnose(ref, res.Err.Error())
	t.Logf("%s: %v", ref, res.Err)
	if d.Class == diagnosis.NotFound {
		return "404" // BuildKit's words have no status
	}
	if strings.HasSuffix(res.Err.Error(), ": stopped after 10 redirects") {
		return "redirects"
	}
	if strings.HasSuffix(res.Err.Error(), ": EOF") {
		return "closed" // without an answer
	}
	if d.HTTPStatus != 0 {
		return strconv.Itoa(d.HTTPStatus)
	}
	return string(d.Class)
}

// redirect is the status of a redirect, which BuildKit follows, as the answer to a host
// in BuildKit's spelling; else 0.
func redirect(t *testing.T, ref string) int {
	t.Helper()
	host, _, _ := strings.Cut(ref, "/")
	if host == "docker.io" {
		host = hubRegistry
	}
	c := &http.Client{
		// As BuildKit's, in HTTP/1.1, through the harness's network.
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/v2/", nil)
	require.NoError(t, err)
	resp, err := c.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	if resp.StatusCode/100 == 3 {
		return resp.StatusCode
	}
	return 0
}

// answers are those of every spelling, in the order of kinds.
func (s site) answers(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, k := range kinds {
		list = append(list, s.answer(t, s.spelled(t, k.kind, k.tag)))
	}
	return list
}

// build is how a build with pullsafe went.
type build struct {
	*harness.Result
	// by is the kind of the host alias that the image was resolved under; empty if
	// there was no fallback.
	by string
}

// build builds with the frontend in this process.
func (s site) build(t *testing.T, cfg *harness.DockerConfig) build {
	t.Helper()
	return s.buildTag(t, tagBuild, cfg)
}

func (s site) buildTag(t *testing.T, tag string, cfg *harness.DockerConfig) build {
	t.Helper()
	b := build{Result: solve(t, harness.SolveInput{Frontend: harness.Frontend{Func: frontend.Build}, Files: from(s.ref(tag)), DockerConfig: cfg})}
	if b.Err == nil && b.Vertex(world.StepOfFallback) != nil {
		require.Len(t, world.RefusedWarnings(b.Result), 1)
		b.by = s.kindOf(t, s.pulledFrom(t, b.Result))
	}
	return b
}

// pulledFrom is the host in the daemon's progress of the pull.
func (s site) pulledFrom(t *testing.T, res *harness.Result) string {
	t.Helper()
	for _, st := range res.Statuses {
		if ref, ok := strings.CutPrefix(st.ID, "resolve "); ok && strings.Contains(ref, "/"+s.repo+":") {
			host, _, _ := strings.Cut(ref, "/")
			return host
		}
	}
	t.Fatalf("no pull of %s: %v", s.repo, res.Names())
	return ""
}

func solve(t *testing.T, in harness.SolveInput) *harness.Result {
	t.Helper()
	res, err := harness.T(t).Solve(t.Context(), lab.client, in)
	require.NoError(t, err)
	return res
}

// stale is a configuration with a login for the host that is rejected.
func (s site) stale(t *testing.T) *harness.DockerConfig {
	t.Helper()
	key := s.host
	if key == "docker.io" {
		key = harness.HubAuthKey
	}
	return world.StaleLogin(t, harness.T(t), key)
}
