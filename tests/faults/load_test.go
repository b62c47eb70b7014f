package faults

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/readme"
	"github.com/org/pullsafe/tests/world"
)

// A leak would grow with the load: pullsafe may take this many times the memory
// of upstream's frontend for the same load, and so much more.
const (
	memoryFactor = 3
	memoryMore   = 64 // MiB
)

// plant is a set of registries with many small images.
type plant struct {
	env   *harness.Env
	hosts []*harness.Registry
}

// hostKinds are the registries of a plant: who may read from them, and with what
// login the builds come.
const (
	open    = iota // asks nobody
	public         // asks for a token; no login
	private        // a login is needed, and good
	stale          // public, but the login is refused
	another        // as stale
	kinds
	closed = kinds // a login is needed, and it is refused
)

func newPlant(t *testing.T, e *harness.Env, name string) *plant {
	t.Helper()
	p := &plant{env: e}
	for kind := range closed + 1 {
		opt := harness.RegistryOpt{Hosts: []string{fmt.Sprintf("%s-%d.load.test", name, kind)}, Mode: harness.ModeToken}
		switch kind {
		case open:
			opt.Mode = harness.ModeOpen
		case private, closed:
			opt.Access = func(user, _ string) bool { return user != "" }
		}
		reg, err := shared.Local.Front(t.Context(), opt)
		require.NoError(t, err)
		t.Cleanup(reg.Disconnect)
		p.hosts = append(p.hosts, reg)
	}
	return p
}

// images are n images, spread over the registries that a build can read from.
func (p *plant) images(n int) []string {
	refs := make([]string, n)
	for i := range refs {
		refs[i] = p.image(i%kinds, i)
	}
	return refs
}

func (p *plant) image(kind, i int) string {
	return fmt.Sprintf("%s/load/image-%d:1", p.hosts[kind].Host(), i)
}

// stocked is the number of images that all plants have, from one storage.
const stocked = atOnce*perBuild + atOnce

func stock(t *testing.T) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(8)
	for i := range stocked {
		g.Go(func() error {
			_, err := shared.Local.Push(t.Context(), fmt.Sprintf("load/image-%d:1", i), harness.Image{Files: map[string]string{"/content": fmt.Sprint("load ", i)}})
			return err
		})
	}
	require.NoError(t, g.Wait())
}

// logins are good ones, or those of the kinds above.
func (p *plant) logins(t *testing.T, good bool) *harness.DockerConfig {
	t.Helper()
	opt := harness.DockerConfigOpt{Auths: map[string]harness.Login{}}
	for kind, reg := range p.hosts {
		switch {
		case kind == open || kind == public:
		case good || kind == private:
			opt.Auths[reg.Host()] = harness.Good
		default:
			opt.Auths[reg.Host()] = harness.Stale
		}
	}
	cfg, err := p.env.DockerConfig(opt)
	require.NoError(t, err)
	return cfg
}

// load is a number of builds at once.
type load struct {
	name string
	// builds makes their Dockerfiles on a plant. One that names an image of the
	// closed registry fails under refused logins.
	builds func(p *plant) []string
}

const (
	atOnce   = 50 // builds
	perBuild = 4  // images
)

func loads() []load {
	return []load{
		{"one image", func(p *plant) []string {
			return []string{"FROM " + p.images(1)[0] + "\n"}
		}},
		{"500 stages from 50 images", func(p *plant) []string {
			return []string{stages(p.images(50), 500)}
		}},
		{"200 images of 5 registries", func(p *plant) []string {
			return []string{copies(p.images(200))}
		}},
		{fmt.Sprintf("%d builds at once, %d images each", atOnce, perBuild), func(p *plant) []string {
			var list []string
			refs := p.images(atOnce * perBuild)
			for i := range atOnce {
				mine := refs[perBuild*i : perBuild*(i+1)]
				if i%5 == 4 {
					mine = append(slices.Clone(mine), p.image(closed, atOnce*perBuild+i))
				}
				list = append(list, copies(mine))
			}
			return list
		}},
	}
}

// stages is a Dockerfile in which each stage copies from the one before.
func stages(refs []string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "FROM %s AS stage-%d\n", refs[i%len(refs)], i)
		if i > 0 {
			fmt.Fprintf(&b, "COPY --from=stage-%d /content /before\n", i-1)
		}
	}
	return b.String()
}

func copies(refs []string) string {
	var b strings.Builder
	b.WriteString("FROM scratch\n")
	for i, ref := range refs {
		fmt.Fprintf(&b, "COPY --from=%s /content /%d\n", ref, i)
	}
	return b.String()
}

// TestLoad: large builds and many at once end right, under good and under refused
// logins, and the memory of the frontend's process does not run away.
func TestLoad(t *testing.T) {
	if !world.Full() {
		t.Skip("slow: make faults")
	}
	stock(t)
	var b strings.Builder
	b.WriteString("| Load | Upstream, good logins | pullsafe, good logins | Ratio of memory | pullsafe, refused logins |\n|---|---|---|---|---|\n")
	pullsafe, upstream := harness.Frontend{Name: "pullsafe", Image: shared.Pullsafe}, harness.Frontend{Name: "upstream", Image: shared.Upstream}
	measured := 0
	for i, l := range loads() {
		up := l.run(t, upstream, true, i)
		good := l.run(t, pullsafe, true, i)
		refused := l.run(t, pullsafe, false, i)
		if up.mib == 0 || good.mib == 0 || refused.mib == 0 {
			continue
		}
		measured++
		for _, f := range []figure{good, refused} {
			require.Less(t, f.mib, memoryFactor*up.mib+memoryMore, l.name)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f | %s |\n", l.name, up, good, good.mib/up.mib, refused)
		t.Logf("%s: upstream %s; pullsafe %s, under refused logins %s", l.name, up, good, refused)
	}
	b.WriteString("\nTime of the whole, and the highest peak of resident memory (VmHWM) among the frontend's processes in the daemon. " +
		"Refused: the logins of two registries in five; their images resolve without them.\n")
	if measured == len(loads()) { // not with -run of some
		require.NoError(t, readme.Write("load", b.String()))
	}
}

// run builds all at once on a daemon of its own.
func (l load) run(t *testing.T, fe harness.Frontend, good bool, i int) figure {
	t.Helper()
	var f figure
	t.Run(fmt.Sprintf("%s/%s/good=%t", l.name, fe.Name, good), func(t *testing.T) {
		e, c, d := world.FreshDaemon(t)
		p := newPlant(t, e, fmt.Sprintf("l%d-%s-%t", i, fe.Name, good))
		builds := l.builds(p)
		cfg := p.logins(t, good)
		start := p.gather(builds)
		results := make([]*harness.Result, len(builds))
		errs := make([]error, len(builds))
		m := newMeter(d, frontendEntry(t))
		began := time.Now()
		var wg sync.WaitGroup
		for i, text := range builds {
			done := start(i)
			wg.Go(func() {
				defer done()
				results[i], errs[i] = e.Solve(t.Context(), c, harness.SolveInput{Frontend: fe, Files: world.Dockerfile(text), DockerConfig: cfg})
			})
		}
		wg.Wait()
		f.took = time.Since(began)
		f.mib, f.atOnce = m.end()
		require.Empty(t, e.Network.Refused())
		require.Equal(t, len(builds), f.atOnce, "all were under way at once")
		for i, res := range results {
			require.NoError(t, errs[i])
			if _, name, ok := strings.Cut(builds[i], p.hosts[closed].Host()+"/"); ok && !good {
				name, _, _ = strings.Cut(name, " ")
				require.ErrorContains(t, res.Err, p.hosts[closed].Host()+" rejected the stored credentials (\"denied\"); the anonymous fallback was denied")
				require.ErrorContains(t, res.Err, "1 of 5 images could not be resolved")
				require.ErrorContains(t, res.Err, name)
				continue
			}
			require.NoError(t, res.Err)
		}
		l.requireRight(t, p, results, good)
	})
	require.False(t, t.Failed())
	return f
}

// gather makes the registries wait with their answers until each build has asked
// for something: then all are under way, each with its frontend. They are started
// a few at a time, because BuildKit gives a frontend's process 10 s to answer it.
func (p *plant) gather(builds []string) (start func(i int) (done func())) {
	const starting = 4
	slots := make(chan struct{}, starting)
	all := make(chan struct{})
	asked := make([]sync.Once, len(builds))
	var left atomic.Int64
	left.Store(int64(len(builds)))
	arrived := func(i int) {
		asked[i].Do(func() {
			<-slots
			if left.Add(-1) == 0 {
				close(all)
			}
		})
	}
	fault := func(_ http.ResponseWriter, req *http.Request) bool {
		for i, text := range builds {
			if _, rest, ok := strings.Cut(req.URL.Path, "/v2/"); ok {
				repository, _, _ := strings.Cut(rest, "/manifests/")
				if strings.Contains(text, "/"+repository+":1") {
					arrived(i)
				}
			}
		}
		select {
		case <-all:
		case <-req.Context().Done():
		}
		return false
	}
	for _, reg := range p.hosts {
		reg.SetFault(harness.FaultWhen(manifest, fault))
	}
	return func(i int) func() {
		slots <- struct{}{}
		return func() { arrived(i) }
	}
}

// requireRight: each image was asked for, and only the refused ones without
// credentials.
func (l load) requireRight(t *testing.T, p *plant, results []*harness.Result, good bool) {
	t.Helper()
	warnings := 0
	for _, res := range results {
		warnings += len(world.RefusedWarnings(res))
	}
	if good {
		require.Zero(t, warnings)
	}
	for kind, reg := range p.hosts[:closed] {
		other := reg.Requests().Where(func(r harness.Request) bool { return r.Host != reg.Host() })
		if good || kind != stale && kind != another {
			require.Empty(t, other, "%s", other)
			continue
		}
		require.Empty(t, other.WithCredentials(), "%s", other)
		require.Empty(t, reg.Requests().Blobs().WithCredentials())
		if l.name != "one image" {
			require.NotEmpty(t, other)
			require.NotZero(t, warnings)
		}
	}
}
