package compat

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/llb"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// final is what buildx prints when a build has failed.
func final(out *harness.Output) string {
	_, text, _ := strings.Cut(out.Stderr, "ERROR: failed to build: ")
	return text
}

// told: who builds with buildx learns that the login was refused, and what to run.
func told(t *testing.T, d *running) string {
	p := d.place(t)
	out := d.command(t, shared.Pullsafe, world.Dockerfile("FROM "+p.base+"\nRUN true\n"), p.stale(t, d))
	require.Zero(t, out.Code, out.Stderr)
	p.requireRescued(t, "base")
	require.Contains(t, out.Stderr, "[pullsafe] "+p.Host()+" rejected the stored credentials (\"denied\"). Run: docker logout "+p.Host()+". Resolved "+p.base+" without them")
	if strings.Contains(out.Stderr, "RegistryCredentialsRejected: "+p.Host()+" rejected the stored credentials; resolved "+p.base+" without them. Run: docker logout "+p.Host()+" (line 2)") {
		return "a step and a warning"
	}
	return "a step"
}

// redirected: how the daemon is told to pull without credentials, which the user
// must not see in the names of steps.
func redirected(t *testing.T, d *running) string {
	p := d.place(t)
	rec := &recorder{}
	res := d.solve(t, "", harness.SolveInput{
		Frontend: harness.Frontend{Func: rec.build}, DockerConfig: p.stale(t, d),
		Files: world.Dockerfile("FROM " + p.base + "\nCOPY --from=" + p.tools + " /etc/image /tools\nRUN cat /tools\n"),
	})
	require.NoError(t, res.Err)
	p.requireRescued(t, "base", "tools")
	for _, name := range res.Names() {
		require.NotContains(t, name, p.other())
	}
	require.NotNil(t, res.Vertex("FROM "+p.base), "%q", res.Names())
	require.NotNil(t, res.Vertex("COPY --from="+p.tools), "%q", res.Names())
	if rec.rules > 0 {
		require.NotContains(t, rec.sources, p.other())
		return "convert rules, steps keep their names"
	}
	require.Contains(t, rec.sources, "docker-image://"+p.other())
	require.NotContains(t, rec.sources, "docker-image://"+p.Host())
	return "a rewritten definition, steps keep their names"
}

// recorder remembers what the frontend has the daemon solve.
type recorder struct {
	gwclient.Client
	rules   int
	sources string
}

func (r *recorder) build(ctx context.Context, c gwclient.Client) (*gwclient.Result, error) {
	r.Client = c
	return frontend.Build(ctx, r)
}

// Solve implements gwclient.Client.
func (r *recorder) Solve(ctx context.Context, req gwclient.SolveRequest) (*gwclient.Result, error) {
	rules := 0
	for _, policy := range req.SourcePolicies {
		for _, rule := range policy.Rules {
			if rule.Action == spb.PolicyAction_CONVERT {
				rules++
			}
		}
	}
	if len(req.SourcePolicies) > 0 && rules == 0 || tells(req.Definition) {
		return r.Client.Solve(ctx, req) // asks the policies, and fetches nothing
	}
	r.rules += rules
	sources, err := llb.ImageSources(req.Definition)
	if err != nil {
		return nil, err
	}
	for _, src := range sources {
		r.sources += llb.ImageSource(src.Ref) + "\n"
	}
	return r.Client.Solve(ctx, req)
}

// tells: the step that tells of a fallback.
func tells(def *pb.Definition) bool {
	for _, meta := range def.GetMetadata() {
		if strings.HasPrefix(meta.Description["llb.customname"], world.StepOfFallback) {
			return true
		}
	}
	return false
}

// preflight: the check without a build.
func preflight(t *testing.T, d *running) string {
	p := d.place(t)
	files := world.Dockerfile("FROM " + p.base + "\nCOPY --from=" + p.private + " /etc/image /x\n")
	out := d.command(t, shared.Pullsafe, files, p.stale(t, d), "--call=preflight,format=json")
	require.Equal(t, 1, out.Code, out.Stderr)
	var got report.Report
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &got), out.Stdout+out.Stderr)
	require.Equal(t, report.Summary{References: 2, OKWithoutCredentials: 1, Failed: 1}, got.Summary)
	require.Empty(t, p.Requests().WithCredentials().Manifests(), "%s", p.Requests())
	return "answers"
}

// metadataReport: what became of the images is in the metadata file of buildx.
func metadataReport(t *testing.T, d *running) string {
	p := d.place(t)
	file := filepath.Join(t.TempDir(), "metadata.json")
	out := d.command(t, shared.Pullsafe, world.Dockerfile("FROM "+p.base+"\nRUN true\n"), p.stale(t, d), "--metadata-file="+file)
	require.Zero(t, out.Code, out.Stderr)
	dt, err := os.ReadFile(file)
	require.NoError(t, err)
	var doc struct {
		Report   *report.Report    `json:"frontend.pullsafe.report"`
		Warnings []json.RawMessage `json:"buildx.build.warnings"`
	}
	require.NoError(t, json.Unmarshal(dt, &doc), string(dt))
	if doc.Report == nil {
		return cellNone
	}
	require.Equal(t, report.Summary{References: 1, OKWithoutCredentials: 1}, doc.Report.Summary)
	if len(doc.Warnings) == 0 {
		return "report"
	}
	return "report and warning"
}

var material = regexp.MustCompile(`"sha256": "([0-9a-f]{64})"\s*\},\s*"uri": "(pkg:docker/[^"]+)"`)

// provenance: what the attestation of an image says of a base that was pulled
// without credentials.
func provenance(t *testing.T, d *running) string {
	p := d.place(t)
	dest := shared.Local.Addr + "/out/" + p.dir + ":1"
	files := world.Dockerfile("FROM " + p.base + "\nRUN true\n")
	out := d.command(t, shared.Pullsafe, files, p.stale(t, d), "--provenance=mode=max", "--push", "-t", dest)
	if out.Code != 0 {
		up := d.place(t)
		with := d.command(t, shared.Upstream, world.Dockerfile("FROM "+up.base+"\nRUN true\n"), up.good(t, d), "--provenance=mode=max", "--push", "-t", dest)
		require.Equal(t, final(with), final(out), "upstream's frontend fails in the same way")
		return cellNone
	}
	p.requireRescued(t, "base")
	inspect, err := d.buildx(t.Context(), harness.CommandOpt{Args: []string{"imagetools", "inspect", "--format", "{{json .Provenance}}", dest}})
	require.NoError(t, err)
	require.Zero(t, inspect.Code, inspect.Stderr)
	for _, m := range material.FindAllStringSubmatch(inspect.Stdout, -1) {
		digest, uri := m[1], m[2]
		if !strings.Contains(uri, p.repository("base")) {
			continue
		}
		require.Equal(t, p.baseDigest, "sha256:"+digest)
		if strings.HasPrefix(uri, "pkg:docker/"+p.other()+"/") {
			return "the host alias, the same digest"
		}
		require.Contains(t, uri, p.Host())
		return "the reference as written, the same digest"
	}
	require.Fail(t, "the image is not among the materials", inspect.Stdout)
	return ""
}
