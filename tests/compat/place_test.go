package compat

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// place is where the images of one build are: a registry like ghcr.io with a
// host name of its own, and repositories whose layers no other has.
type place struct {
	*harness.Registry
	// base, tools and private are references, base and tools public.
	base, tools, private string
	baseDigest           string
	dir                  string // of the repositories
}

// place makes a new one.
func (d *running) place(t *testing.T) *place {
	t.Helper()
	d.places++
	name := d.name + "-" + strconv.Itoa(d.places)
	reg, err := shared.GHCR.Front(t.Context(), harness.RegistryOpt{Hosts: []string{name + ".test"}, Mode: harness.ModeToken})
	require.NoError(t, err)
	p := &place{Registry: reg, dir: name}
	push := func(repository string) (ref, digest string) {
		digest, err := reg.Push(t.Context(), p.repository(repository)+":1", world.Base(name+" "+repository))
		require.NoError(t, err)
		return reg.Host() + "/" + p.repository(repository) + ":1", digest
	}
	p.base, p.baseDigest = push("base")
	p.tools, _ = push("tools")
	p.private, _ = push("private-base")
	return p
}

func (p *place) repository(name string) string { return p.dir + "/" + name }

// other is the spelling of the host for which nobody has a login.
func (p *place) other() string { return strings.ToUpper(p.Host()) }

func (p *place) stale(t *testing.T, d *running) *harness.DockerConfig {
	t.Helper()
	return world.StaleLogin(t, d.env, p.Host())
}

func (p *place) good(t *testing.T, d *running) *harness.DockerConfig {
	t.Helper()
	return world.GoodLogin(t, d.env, p.Host())
}

var anyDigest = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// asked is what the registry was asked for, such that it can be compared with
// what another place was asked for.
func (p *place) asked() []string {
	var out []string
	for _, r := range p.Requests() {
		path := anyDigest.ReplaceAllString(strings.ReplaceAll(r.Path, p.dir+"/", ""), "DIGEST")
		host := strings.ReplaceAll(r.Host, p.Host(), "HOST")
		out = append(out, strings.Join([]string{host, r.Method, path, string(r.Auth)}, " "))
	}
	slices.Sort(out)
	return out
}

// requireRescued asserts that the images came without credentials, and that none
// went anywhere but to the host as written.
func (p *place) requireRescued(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		world.RequireAnonymousPull(t, p.Registry, p.repository(name), p.other())
	}
	for _, r := range p.Requests().WithCredentials() {
		require.Equal(t, p.Host(), r.Host, "credentials under another spelling")
	}
}
