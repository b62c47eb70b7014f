package compat

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// scenario is a column of the table.
type scenario struct {
	name, column string
	// fast ones run always.
	fast bool
	// run returns the cell; what it asserts holds on every daemon.
	run func(*testing.T, *running) string
}

var scenarios = []scenario{
	{name: "public", column: "Public image, login refused", fast: true, run: publicImage},
	{name: "private", column: "Private image", run: privateImage},
	{name: "good", column: "Nothing wrong", run: nothingWrong},
	{name: "stages", column: "`COPY --from`", run: stages},
	{name: "context", column: "Named context", run: namedContext},
	{name: "steps", column: "Steps on such an image", run: steps},
	{name: "told", column: "The user is told by", run: told},
	{name: "way", column: "Images are redirected by", run: redirected},
	{name: "preflight", column: "`--call=preflight`", run: preflight},
	{name: "report", column: "Report in the metadata file", run: metadataReport},
	{name: "policies", column: "Source policies", run: sourcePolicies},
	{name: "session policy", column: "Policy of buildx", run: sessionPolicy},
	{name: "provenance", column: "Provenance names", run: provenance},
}

const (
	cellBuilt = "built"
	cellNone  = "none"

	// rawToken is what upstream's frontend says of a refused login.
	rawToken = "failed to fetch oauth token"
)

// publicImage: the login is refused, the image needs none.
func publicImage(t *testing.T, d *running) string {
	p := d.place(t)
	up := d.solve(t, shared.Upstream, harness.SolveInput{Files: world.Dockerfile("FROM " + p.base + "\nRUN cat /etc/image\n"), DockerConfig: p.stale(t, d)})
	require.Error(t, up.Err, "without pullsafe it does not build")
	p = d.place(t)
	res := d.solve(t, shared.Pullsafe, harness.SolveInput{Files: world.Dockerfile("FROM " + p.base + "\nRUN cat /etc/image\n"), DockerConfig: p.stale(t, d)})
	require.NoError(t, res.Err)
	require.Contains(t, res.Logs, p.repository("")[:len(p.dir)]+" base")
	p.requireRescued(t, "base")
	return cellBuilt
}

// privateImage: the error is pullsafe's, to the gateway and through buildx.
func privateImage(t *testing.T, d *running) string {
	p := d.place(t)
	files := world.Dockerfile("FROM " + p.private + "\nCOPY --from=" + p.tools + " /etc/image /tools\n")
	res := d.solve(t, shared.Pullsafe, harness.SolveInput{Files: files, DockerConfig: p.stale(t, d)})
	require.Error(t, res.Err)
	out := d.command(t, shared.Pullsafe, files, p.stale(t, d))
	require.NotZero(t, out.Code)
	for _, text := range []string{res.Err.Error(), final(out)} {
		require.NotContains(t, text, rawToken)
		require.Contains(t, text, "1 of 2 images could not be resolved\n\n"+p.Host()+" rejected the stored credentials")
		require.Contains(t, text, p.private)
		require.Contains(t, text, "docker logout "+p.Host())
	}
	require.Empty(t, p.Requests().Blobs(p.repository("private-base")))
	if strings.Contains(out.Stderr, ">>> FROM "+p.private) {
		return "explained, with its line"
	}
	up := d.place(t)
	with := d.command(t, shared.Upstream, world.Dockerfile("FROM "+up.private+"\n"), up.stale(t, d))
	require.Contains(t, final(with), rawToken)
	require.NotContains(t, with.Stderr, ">>>", "upstream's frontend has no line either")
	return "explained"
}

// nothingWrong: the login is good; result and requests are those of upstream's
// frontend on this daemon.
func nothingWrong(t *testing.T, d *running) string {
	build := func(image string) (string, []string) {
		p := d.place(t)
		out := t.TempDir()
		res := d.solve(t, image, harness.SolveInput{
			Files:        world.Dockerfile(stagesOf(p)),
			DockerConfig: p.good(t, d),
			Exports:      []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
		})
		require.NoError(t, res.Err, "%s", image)
		require.Empty(t, world.RefusedWarnings(res))
		return content(t, out, p), p.asked()
	}
	want, wantAsked := build(shared.Upstream)
	got, asked := build(shared.Pullsafe)
	require.Equal(t, want, got)
	require.Equal(t, wantAsked, asked)
	return "as upstream, " + strconv.Itoa(len(asked)) + " requests"
}

func stagesOf(p *place) string {
	return "FROM " + p.base + " AS a\nRUN cp /etc/image /a\nFROM scratch\nCOPY --from=a /a /\nCOPY --from=" + p.tools + " /etc/image /b\n"
}

// content is what stagesOf makes, without the names of the place.
func content(t *testing.T, dir string, p *place) string {
	t.Helper()
	a, err := os.ReadFile(filepath.Join(dir, "a"))
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "b"))
	require.NoError(t, err)
	require.Equal(t, p.dir+" base", string(a))
	require.Equal(t, p.dir+" tools", string(b))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	return "a, b"
}

// stages: several stages and COPY --from of a stage and of an image, the login
// refused.
func stages(t *testing.T, d *running) string {
	p := d.place(t)
	out := t.TempDir()
	res := d.solve(t, shared.Pullsafe, harness.SolveInput{
		Files: world.Dockerfile(stagesOf(p)), DockerConfig: p.stale(t, d),
		Exports: []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
	})
	require.NoError(t, res.Err)
	content(t, out, p)
	p.requireRescued(t, "base", "tools")
	return cellBuilt
}

// namedContext: an image that the Dockerfile knows by another name.
func namedContext(t *testing.T, d *running) string {
	p := d.place(t)
	res := d.solve(t, shared.Pullsafe, harness.SolveInput{
		Files: world.Dockerfile("FROM one\nRUN cat /etc/image\n"), DockerConfig: p.stale(t, d),
		Opts: map[string]string{"context:one": "docker-image://" + p.base},
	})
	require.NoError(t, res.Err)
	require.Contains(t, res.Logs, p.dir+" base")
	p.requireRescued(t, "base")

	p = d.place(t)
	out := d.command(t, shared.Pullsafe, world.Dockerfile("FROM one\nRUN cat /etc/image\n"), p.stale(t, d), "--build-context", "one=docker-image://"+p.base)
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, p.dir+" base")
	p.requireRescued(t, "base")
	return cellBuilt
}

// steps: what a user expects of the steps of a build is so on an image that was
// pulled without credentials: --no-cache runs them again, and the error of one
// that fails shows its line.
func steps(t *testing.T, d *running) string {
	p := d.place(t)
	run := func() string {
		p.ResetRequests()
		res := d.solve(t, shared.Pullsafe, harness.SolveInput{
			Files: world.Dockerfile("FROM " + p.base + "\nRUN cat /proc/sys/kernel/random/uuid\n"), DockerConfig: p.stale(t, d), NoCache: true,
		})
		require.NoError(t, res.Err)
		require.NotNil(t, res.Vertex("RUN cat /proc"), "%q", res.Names())
		return res.Logs
	}
	first := run()
	require.NotEmpty(t, first)
	second := run()
	require.NotEmpty(t, second, "the step came from the cache")
	require.NotEqual(t, first, second)

	failed := func(image string, login func(*place) *harness.DockerConfig) *harness.Output {
		p := d.place(t)
		out := d.command(t, image, world.Dockerfile("FROM "+p.base+"\nRUN false\n"), login(p))
		require.NotZero(t, out.Code)
		require.Contains(t, final(out), "exit code: 1", out.Stderr)
		return out
	}
	up := failed(shared.Upstream, func(p *place) *harness.DockerConfig { return p.good(t, d) })
	out := failed(shared.Pullsafe, func(p *place) *harness.DockerConfig { return p.stale(t, d) })
	const line = ">>> RUN false"
	require.Equal(t, strings.Contains(up.Stderr, line), strings.Contains(out.Stderr, line), out.Stderr)
	if !strings.Contains(out.Stderr, line) {
		return "as upstream, no line of a failed one"
	}
	return "as upstream, line of a failed one"
}
