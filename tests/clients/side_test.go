package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// side is who builds: a frontend image and a login for ghcr.io.
type side struct {
	name  string
	image string
	// refused: there is a login for ghcr.io, which refuses it.
	refused bool
}

var (
	upstreamSide = side{name: "upstream, no login"}
	pullsafeSide = side{name: "pullsafe, no login"}
	refusedSide  = side{name: "pullsafe, login refused", refused: true}
)

// sides are in the order in which they are compared: the first is the standard.
func sides() []side {
	up, ps, refused := upstreamSide, pullsafeSide, refusedSide
	up.image, ps.image, refused.image = shared.Upstream, shared.Pullsafe, shared.Pullsafe
	return []side{up, ps, refused}
}

// login has the side's login for ghcr.io, and a good one for the other hosts.
func (s side) login(t *testing.T, e *harness.Env, good ...string) *harness.DockerConfig {
	t.Helper()
	opt := harness.DockerConfigOpt{Auths: map[string]harness.Login{}, Extra: map[string]any{
		"cliPluginsExtraDirs": []string{e.Tools.PluginDir()},
	}}
	for _, host := range good {
		opt.Auths[host] = harness.Good
	}
	if s.refused {
		opt.Auths["ghcr.io"] = harness.Stale
	}
	cfg, err := e.DockerConfig(opt)
	require.NoError(t, err)
	return cfg
}

// difference is the words for the table, and what makes of upstream's fact the
// one that is wanted.
type difference struct {
	words string
	want  func(upstream string) string
}

// facts are what of a build can be compared: a name and a value each.
type facts map[string]string

// trial is a feature that is built on each side.
type trial struct {
	client, tried string
	// repositories of ghcr.io that are pulled.
	repositories []string
	// differs are the facts that a refused login changes.
	differs map[string]difference
	// destinations are hosts of registries to push to: empty ones for each side,
	// whose requests are compared too.
	destinations []string
	// concurrent: several builds race, so whether a request has to learn that a
	// token is needed is not compared, nor how often the same is asked.
	concurrent bool
	// counted: how often the same is asked is compared all the same.
	counted bool
	// unique: what is pushed is not the same twice, so what the destinations see
	// is not compared.
	unique bool
	// run builds and returns the facts.
	run func(t *testing.T, tr *trial, s side) facts

	started map[string]*harness.Registry
}

// compare runs the trial on each side, asserts that the facts are the same and
// what the registries saw, and adds the row of the table.
func (tr *trial) compare(t *testing.T) {
	t.Helper()
	e := harness.T(t)
	var standard facts
	var standardSeen []string
	for _, s := range sides() {
		shared.Reset()
		tr.start(t)
		got := tr.run(t, tr, s)
		require.Empty(t, e.Network.Refused(), "%s: something tried to leave the host", s.name)
		seen := tr.asked()
		switch {
		case s.refused:
			tr.compareRefused(t, standard, got)
			tr.addRow(got)
		case standard == nil:
			standard, standardSeen = got, seen
		default:
			require.Equal(t, standard, got, s.name)
			require.Equal(t, standardSeen, seen, s.name)
		}
	}
}

func (tr *trial) compareRefused(t *testing.T, standard, got facts) {
	t.Helper()
	require.Equal(t, slices.Sorted(maps.Keys(standard)), slices.Sorted(maps.Keys(got)))
	for name, want := range standard {
		if d, ok := tr.differs[name]; ok {
			require.NotEqual(t, want, d.want(want), "%s is listed as different", name)
			want = d.want(want)
		}
		require.Equal(t, want, got[name], "login refused: %s", name)
	}
	for _, repo := range tr.repositories {
		world.RequireAnonymousPull(t, shared.GHCR, repo, "GHCR.IO:443")
	}
	for _, reg := range tr.started {
		for _, r := range reg.Requests() {
			require.NotContains(t, []harness.Auth{harness.AuthBasicBad, harness.AuthTokenUnknown}, r.Auth, "%s", reg.Requests())
		}
	}
}

// start replaces the destinations by empty registries.
func (tr *trial) start(t *testing.T) {
	t.Helper()
	tr.started = map[string]*harness.Registry{}
	for _, host := range tr.destinations {
		reg, err := harness.T(t).StartRegistry(t.Context(), harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeToken})
		require.NoError(t, err)
		t.Cleanup(reg.Disconnect)
		tr.started[host] = reg
	}
}

// addRow tells what the run saw.
func (tr *trial) addRow(got facts) {
	seen := shared.GHCR.Requests()
	var list []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if v := got[name]; len(v) < 80 && !strings.Contains(v, "\n") {
			list = append(list, name+" "+shortDigests(v))
		}
	}
	if len(tr.repositories) > 0 {
		list = append(list, fmt.Sprintf("ghcr.io: %d of %d requests for content with credentials",
			len(seen.Blobs().WithCredentials()), len(seen.Blobs())))
	}
	difference := "none"
	if len(tr.differs) > 0 {
		difference = ""
		for _, name := range slices.Sorted(maps.Keys(tr.differs)) {
			difference += tr.differs[name].words
		}
	}
	results.add(row{tr.client, tr.tried, strings.Join(list, "; "), difference})
}

// asked lists what the registries were asked for, sorted.
func (tr *trial) asked() []string {
	var out []string
	regs := []*harness.Registry{shared.GHCR, shared.Hub}
	if !tr.unique {
		regs = slices.AppendSeq(regs, maps.Values(tr.started))
	}
	for _, reg := range regs {
		for _, r := range reg.Requests() {
			if tr.concurrent && r.Auth == harness.AuthNone {
				continue
			}
			out = append(out, strings.Join([]string{r.Host, r.Method, uploadless(r.Path), string(r.Auth)}, " "))
		}
	}
	slices.Sort(out)
	if tr.concurrent && !tr.counted {
		out = slices.Compact(out)
	}
	return out
}

// uploadless leaves out the random name of an upload.
func uploadless(path string) string {
	if head, _, ok := strings.Cut(path, "/blobs/uploads/"); ok {
		return head + "/blobs/uploads/"
	}
	return path
}

// shortDigests cuts digests down to what a person compares.
func shortDigests(text string) string {
	const prefix, keep = "sha256:", 12
	parts := strings.Split(text, prefix)
	for i, p := range parts[1:] {
		if len(p) >= 64 {
			p = p[:keep] + p[64:]
		}
		parts[i+1] = p
	}
	return strings.Join(parts, prefix)
}

// daemon starts a buildkitd for the test that has seen nothing.
func daemon(t *testing.T, opt harness.BuildkitdOpt) *harness.Buildkitd {
	t.Helper()
	d, err := harness.T(t).StartBuildkitd(t.Context(), opt)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Stop(context.WithoutCancel(t.Context()))) })
	harness.LogOnFailure(t, d.Process)
	return d
}

// epoch makes images the same from run to run.
const epoch = "SOURCE_DATE_EPOCH=1700000000"

// build runs `buildx build` on the daemon, with the frontend of the side, and
// expects it to succeed.
func build(t *testing.T, d *harness.Buildkitd, s side, opt harness.CommandOpt, args ...string) *harness.Output {
	t.Helper()
	out := buildAny(t, d, s, opt, args...)
	require.Zero(t, out.Code, "%s:\n%s", s.name, out.Stderr)
	return out
}

func buildAny(t *testing.T, d *harness.Buildkitd, s side, opt harness.CommandOpt, args ...string) *harness.Output {
	t.Helper()
	opt.Env = append([]string{epoch}, opt.Env...)
	if opt.DockerConfig == nil {
		opt.DockerConfig = s.login(t, harness.T(t))
	}
	return world.Buildx(t, d, s.image, opt, args...)
}

// requireWarned asserts that the refused side, and no other, warns.
func requireWarned(t *testing.T, s side, out *harness.Output) {
	t.Helper()
	require.Equal(t, s.refused, strings.Contains(out.Stderr, "RegistryCredentialsRejected: ghcr.io rejected"), "%s:\n%s", s.name, out.Stderr)
}

// steps are the steps with their outcome, DONE or CACHED, of the build that
// printed out; the order is that of the Dockerfile.
func steps(out *harness.Output) map[string]string {
	names, ends := map[string]string{}, map[string]string{}
	for line := range strings.Lines(out.Stderr) {
		id, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case !ok || !strings.HasPrefix(id, "#"):
		case strings.HasPrefix(rest, "["):
			names[id] = rest
		case rest == "CACHED" || strings.HasPrefix(rest, "DONE"):
			ends[id], _, _ = strings.Cut(rest, " ")
		}
	}
	got := map[string]string{}
	for id, end := range ends {
		name, ok := names[id]
		if ok && !slices.ContainsFunc([]string{"[internal]", "[auth]", world.StepOfFallback}, func(p string) bool { return strings.HasPrefix(name, p) }) {
			got[name] = end
		}
	}
	return got
}

// tree is the content of a folder.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, "/bin/busybox") {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(&out, "%s %q\n", strings.TrimPrefix(path, dir), b)
		return err
	}))
	return out.String()
}

// metadata is a metadata file, decoded.
func metadata(t *testing.T, file string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	doc := map[string]any{}
	require.NoError(t, json.Unmarshal(b, &doc), "%s", b)
	return doc
}
