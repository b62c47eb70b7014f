package faults

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// cancellation ends a build while the registry is asked for something.
type cancellation struct {
	name  string
	stale bool // the login is refused
	// when is the request that the build is ended at.
	when func(s *site) func(*http.Request) bool
	// answer is what the registry does with it; by default it never answers.
	answer harness.Fault
	// opts are the frontend's options, step is added to the Dockerfile.
	opts map[string]string
	step string
	fast bool
}

func cancellations() []cancellation {
	anywhere := func(conds ...func(*http.Request) bool) func(*site) func(*http.Request) bool {
		return func(*site) func(*http.Request) bool { return is(conds...) }
	}
	anonymous := func(what func(*http.Request) bool) func(*site) func(*http.Request) bool {
		return func(s *site) func(*http.Request) bool { return is(what, s.anonymous) }
	}
	layer := func(s *site) func(*http.Request) bool { return s.layer }
	held := func(*site) func(*http.Request) bool {
		return func(req *http.Request) bool { return req.URL.Path == holdPath }
	}
	return []cancellation{
		{name: "first request for metadata", when: anywhere(manifest), fast: true},
		{name: "request for a token", when: anywhere(token)},
		{name: "request for the configuration", when: anywhere(blob)},
		{name: "try without credentials", stale: true, when: anonymous(manifest), fast: true},
		{name: "token without credentials", stale: true, when: anonymous(token)},
		{name: "pause before the try is repeated", stale: true, when: anonymous(token), answer: status503()},
		{name: "step of the build", when: held, step: hold},
		{name: "layer", when: layer},
		{name: "layer without credentials", stale: true, when: layer, fast: true},
		{name: "preflight, first request", when: anywhere(manifest), opts: preflight},
		{name: "preflight, try without credentials", stale: true, when: anonymous(manifest), opts: preflight},
	}
}

var preflight = map[string]string{"requestid": "frontend.preflight"}

// hold is a step that lasts until the registry answers; SITE is its address.
const (
	holdPath = "/hold"
	hold     = "FROM docker.io/library/alpine:3.23\nRUN busybox wget -q -O- http://SITE" + holdPath + "\n"
)

var errCancelled = errors.New("the user has had enough")

// testCancellation: a build that is ended in the middle ends soon, leaves no step
// without an end and nothing running, and the daemon builds the same afterwards.
func testCancellation(t *testing.T, e *harness.Env, c *client.Client, d *harness.Buildkitd, rows *table) {
	for i, cc := range cancellations() {
		t.Run(cc.name, func(t *testing.T) {
			if !world.Full() && !cc.fast {
				t.Skip("slow: make faults")
			}
			row := row{part: partCancel, fault: cc.name, must: "ends, nothing is left", upstream: "does not come to it", test: t.Name()}
			if !cc.stale && cc.opts == nil {
				up := cc.run(t, e, c, harness.Frontend{Name: "upstream", Image: shared.Upstream}, i)
				row.upstream = up.ended()
			}
			for _, fe := range frontends() {
				before := goleak.IgnoreCurrent()
				r := cc.run(t, e, c, fe, i)
				requireNothingRuns(t, d, before)
				row.pullsafe = append(row.pullsafe, r.ended())
				cc.again(t, c, fe, r)
			}
			rows.add(row)
		})
	}
}

// run builds, and cancels when the registry sees the request.
func (cc cancellation) run(t *testing.T, e *harness.Env, c *client.Client, fe harness.Frontend, i int) *run {
	t.Helper()
	s := newSite(t, e, string(rune('a'+i))+"-cancel-"+fe.Name)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var once sync.Once
	var at time.Time
	answer := cc.answer
	if answer == nil {
		answer = harness.FaultHang()
	}
	s.SetFault(harness.FaultWhen(cc.when(s), func(w http.ResponseWriter, req *http.Request) bool {
		once.Do(func() {
			at = time.Now()
			time.AfterFunc(50*time.Millisecond, func() { cancel(errCancelled) })
		})
		return answer(w, req)
	}))
	r := s.build(ctx, t, c, fe, cc.login(t, s), func(in *harness.SolveInput) {
		in.Opts = cc.opts
		if cc.step != "" {
			in.Files = world.Dockerfile(strings.ReplaceAll(cc.step, "SITE", s.Addr))
		}
	})
	once.Do(func() { t.Errorf("the registry did not see the request:\n%s", s.Requests()) })
	r.took = time.Since(at)
	require.Error(t, r.Err)
	require.Regexp(t, "context canceled$|"+errCancelled.Error()+"$", r.Err.Error(), "the cancellation itself, not what it broke")
	require.Less(t, r.took, within, "it hangs")
	for _, v := range r.Vertexes {
		require.Equal(t, v.Started != nil, v.Completed != nil, "the step %q has not ended", v.Name)
	}
	return r
}

func (cc cancellation) login(t *testing.T, s *site) *harness.DockerConfig {
	t.Helper()
	if cc.stale {
		return world.StaleLogin(t, s.env, s.host)
	}
	return world.GoodLogin(t, s.env, s.host)
}

// again builds the same without the fault.
func (cc cancellation) again(t *testing.T, c *client.Client, fe harness.Frontend, r *run) {
	t.Helper()
	if cc.step != "" {
		return
	}
	r.site.SetFault(nil)
	next := r.site.build(t.Context(), t, c, fe, cc.login(t, r.site))
	require.NoError(t, next.Err)
	require.Equal(t, r.site.content, next.content)
}

// ended is what came of a cancelled build, for the table.
func (r *run) ended() string { return fmt.Sprintf("ends after %.1f s", r.took.Seconds()) }

// requireNothingRuns waits until what the build started is gone: goroutines of
// this process, where the client and perhaps the frontend are, and processes of
// frontend images in the daemon.
func requireNothingRuns(t *testing.T, d *harness.Buildkitd, before goleak.Option) {
	t.Helper()
	entry := frontendEntry(t)
	require.Eventually(t, func() bool { return len(frontendProcesses(d.Pid(), entry)) == 0 }, within, 50*time.Millisecond, "a frontend still runs")
	opts := []goleak.Option{before}
	for _, f := range serving {
		opts = append(opts, goleak.IgnoreAnyFunction(f))
	}
	var err error
	for began := time.Now(); time.Since(began) < within; {
		if err = goleak.Find(opts...); err == nil {
			return
		}
	}
	require.NoError(t, err)
}

// serving are the harness's servers and the connections to them, which stay open
// for a while.
var serving = []string{
	"net/http.(*Server).Serve",
	"net/http.(*conn).serve",
	"net/http.(*connReader).Read",
	"net/http.(*http2serverConn).readFrames",
	"net/http.(*http2ClientConn).readLoop",
	"net/http.(*persistConn).readLoop",
	"net/http.(*persistConn).writeLoop",
}
