package faults

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// scenario is a fault and what must come of it.
type scenario struct {
	name  string
	fault func(s *site) harness.Fault
	// words are in the error, with HOST for the registry; empty: it builds.
	words string
	// exported: the Dockerfile has no step. The layers are pulled for the export, when
	// the frontend has ended, and the error is the daemon's own.
	exported bool
	// seen looks at what the registry saw of pullsafe.
	seen func(t *testing.T, s *site, r *run)
	// fast scenarios run in make test.
	fast bool
}

// always applies a fault to every request that meets the conditions.
func always(f harness.Fault, conds ...func(*http.Request) bool) func(*site) harness.Fault {
	return func(*site) harness.Fault { return harness.FaultWhen(is(conds...), f) }
}

// times applies it to the first n of them.
func times(n int64, f harness.Fault, conds ...func(*http.Request) bool) func(*site) harness.Fault {
	return func(*site) harness.Fault { return harness.FaultWhen(is(conds...), harness.FaultTimes(n, f)) }
}

// onLayer applies it to the first n requests for the layer.
func onLayer(n int64, f func(s *site) harness.Fault) func(*site) harness.Fault {
	return func(s *site) harness.Fault { return harness.FaultWhen(s.layer, harness.FaultTimes(n, f(s))) }
}

func plain(f harness.Fault) func(*site) harness.Fault {
	return func(*site) harness.Fault { return f }
}

const (
	often = 1 << 30
	html  = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Welcome to the hotel</body></html>\n"

	wrongDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

func status503() harness.Fault {
	return harness.FaultStatus(http.StatusServiceUnavailable, "UNAVAILABLE", "maintenance")
}

func page() harness.Fault { return harness.FaultAnswer(http.StatusOK, "text/html", html) }

// nobody's are the faults that hit only what no login is behind: the try without
// credentials.
func nobodys(list []scenario) []scenario {
	out := make([]scenario, len(list))
	for i, sc := range list {
		fault := sc.fault
		sc.fault = func(s *site) harness.Fault { return harness.FaultWhen(s.anonymous, fault(s)) }
		out[i] = sc
	}
	return out
}

// part is a series of scenarios under one kind of login.
type part struct {
	name      string
	login     func(*testing.T, *harness.Env, ...string) *harness.DockerConfig
	scenarios []scenario
	// same is set where upstream must end in the same way.
	same bool
}

func (p part) test(t *testing.T, e *harness.Env, c *client.Client, rows *table) {
	t.Helper()
	for i, sc := range p.scenarios {
		t.Run(sc.name, func(t *testing.T) {
			if !world.Full() && !sc.fast {
				t.Skip("slow: make faults")
			}
			t.Parallel()
			id := fmt.Sprintf("%c%d", p.name[0], i)
			row := row{part: p.name, fault: sc.name, must: sc.must(), test: t.Name()}
			var up *run
			if p.same || world.Full() {
				up = p.run(t, e, c, sc, harness.Frontend{Name: "upstream", Image: shared.Upstream}, id)
				row.upstream = up.outcome()
			}
			for _, fe := range frontends() {
				r := p.run(t, e, c, sc, fe, id)
				p.check(t, sc, r)
				if p.same {
					require.Equal(t, up.Err == nil, r.Err == nil, "upstream: %v\npullsafe: %v", up.Err, r.Err)
					require.Equal(t, asked(up.site), asked(r.site), "the same requests as upstream")
				}
				row.pullsafe = append(row.pullsafe, r.outcome())
			}
			rows.add(row)
		})
	}
}

// frontends are pullsafe in this process and, in the whole series, as the image.
func frontends() []harness.Frontend {
	all := shared.Frontends()
	if !world.Full() {
		all = all[:1]
	}
	return all
}

func (p part) run(t *testing.T, e *harness.Env, c *client.Client, sc scenario, fe harness.Frontend, id string) *run {
	t.Helper()
	s := newSite(t, e, id+"-"+fe.Name)
	s.SetFault(sc.fault(s))
	return s.build(t.Context(), t, c, fe, p.login(t, e, s.host), func(in *harness.SolveInput) {
		if sc.exported {
			in.Files = world.Dockerfile("FROM " + s.ref + "\n")
		}
	})
}

func (p part) check(t *testing.T, sc scenario, r *run) {
	t.Helper()
	s := r.site
	seen := s.Requests()
	for _, q := range seen {
		if q.Host != s.host {
			require.NotContains(t, []harness.Auth{harness.AuthBasicGood, harness.AuthBasicBad, harness.AuthTokenUser}, q.Auth,
				"a login went to another spelling:\n%s", seen)
		}
	}
	if p.same {
		require.Equal(t, []string{s.host}, seen.Hosts(), "there is nothing to try without credentials")
		require.Nil(t, r.Vertex(world.StepOfFallback))
		require.Empty(t, world.RefusedWarnings(r.Result))
	}
	switch {
	case sc.words == "":
		require.NoError(t, r.Err)
		require.Equal(t, s.content, r.content)
		require.Equal(t, !p.same, len(world.RefusedWarnings(r.Result)) == 1)
	case sc.exported:
		require.ErrorContains(t, r.Err, sc.words)
	default:
		require.ErrorContains(t, r.Err, strings.ReplaceAll(sc.words, "HOST", s.host))
		require.ErrorContains(t, r.Err, s.ref+"    Dockerfile:1 ", "image and line")
		require.NotContains(t, r.Err.Error(), strings.ToUpper(s.host))
		if p.same {
			require.NotContains(t, r.Err.Error(), "docker logout", "the login is not to blame")
		}
	}
	if sc.seen != nil {
		sc.seen(t, s, r)
	}
}

// must says in the table what the test expects.
func (sc scenario) must() string {
	switch {
	case sc.words == "":
		return "builds"
	case sc.exported:
		return "fails in the daemon's words, `" + sc.words + "`"
	default:
		words := strings.ReplaceAll(sc.words, "HOST", "the registry")
		if strings.Count(words, "(") > strings.Count(words, ")") {
			words += "…)" // the rest differs from run to run
		}
		return "fails: " + words
	}
}

// outcome is what came of a build, for the table.
func (r *run) outcome() string {
	took := fmt.Sprintf("%.1f s, %d requests", r.took.Seconds(), len(r.site.Requests()))
	if r.Err == nil {
		return "builds, " + took
	}
	return "fails, " + took
}

// asked is what a registry was asked, without its name.
func asked(s *site) []string {
	var out []string
	for _, q := range s.Requests() {
		out = append(out, fmt.Sprint(q.Method, q.Kind, q.Auth, q.Status))
	}
	return out
}

// within is generous: it tells what hangs from what is slow.
const within = 20 * time.Second
