package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/containerd/console"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// sixty is a Dockerfile of 60 references over six registries, with what has to
// come of each.
type sixty struct {
	dockerfile string
	want       map[string]want
}

type want struct {
	outcome report.Outcome
	class   diagnosis.Class
	remedy  string // in the commands and notes
}

// newSixty starts the registries that are not there yet: one that limits, one
// that hangs, one without TLS, one that asks for nothing.
func newSixty(t *testing.T, e *harness.Env, prefix string) *sixty {
	t.Helper()
	for name, set := range map[string]func(*harness.RegistryOpt, *harness.Fault){
		"limit": func(_ *harness.RegistryOpt, f *harness.Fault) {
			*f = harness.FaultStatus(http.StatusTooManyRequests, "TOOMANYREQUESTS", "slow down")
		},
		"hang":  func(_ *harness.RegistryOpt, f *harness.Fault) { *f = harness.FaultHang() },
		"notls": func(o *harness.RegistryOpt, _ *harness.Fault) { o.NoTLS = true },
		"open":  func(o *harness.RegistryOpt, _ *harness.Fault) { o.Mode = harness.ModeOpen },
	} {
		opt := harness.RegistryOpt{Hosts: []string{prefix + name + ".test"}, Mode: harness.ModeToken}
		var fault harness.Fault
		set(&opt, &fault)
		reg, err := e.StartRegistry(t.Context(), opt)
		require.NoError(t, err)
		reg.SetFault(fault)
		t.Cleanup(reg.Disconnect)
	}
	s := &sixty{want: map[string]want{}}
	add := func(n int, ref string, w want) {
		for i := range n {
			name := fmt.Sprintf(ref, i)
			s.want[name] = w
			if len(s.want)%2 == 0 {
				s.dockerfile += "COPY --from=" + name + " / /x/\n"
			} else {
				s.dockerfile += "RUN --mount=from=" + name + ",target=/m true\n"
			}
		}
	}
	for i := range 10 {
		_, err := shared.Hub.Push(t.Context(), fmt.Sprintf("library/sixty:%d", i), world.Base(fmt.Sprint(i)))
		require.NoError(t, err)
		for _, repo := range []string{"sixty/public-%d:1", "sixty/private-%d:1"} {
			_, err = shared.GHCR.Push(t.Context(), fmt.Sprintf(repo, i), world.Base(fmt.Sprint(i)))
			require.NoError(t, err)
		}
	}
	add(10, "docker.io/library/sixty:%d", want{outcome: report.OK})
	add(10, "ghcr.io/sixty/public-%d:1", want{report.OKWithoutCredentials, diagnosis.CredentialsRejected, "docker logout ghcr.io"})
	add(10, "ghcr.io/sixty/private-%d:1", want{report.Failed, diagnosis.CredentialsRejected, "docker login ghcr.io"})
	add(10, prefix+"open.test/missing/image-%d:1", want{report.Failed, diagnosis.NotFound, "typo"})
	add(7, prefix+"limit.test/a/b-%d:1", want{report.Failed, diagnosis.RateLimited, "wait"})
	add(6, prefix+"notls.test/a/b-%d:1", want{report.Failed, diagnosis.TLSFailure, "certificate"})
	add(7, prefix+"hang.test/a/b-%d:1", want{outcome: report.NotChecked})
	require.Len(t, s.want, 60)
	s.dockerfile = "FROM scratch\n" + s.dockerfile
	return s
}

// TestSixtyReferences: one run names every failing image, with the right cause
// and remedy, and a registry that hangs does not hold the answer back.
func TestSixtyReferences(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		s := newSixty(t, e, "sixty-"+fe.Name+"-")
		began := time.Now()
		res := world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: world.Dockerfile(s.dockerfile), DockerConfig: world.Stale(t, e)})
		took := time.Since(began)
		require.Error(t, res.Err)
		text := res.Err.Error()
		require.Contains(t, text, "33 of 60 images could not be resolved")
		require.Contains(t, text, "\n\nghcr.io refused the stored credentials (denied), and refused without them too: private, missing, or no access\n")
		for _, host := range []string{"open.test has no such image or tag", "limit.test got too many requests", "TLS connection to sixty-" + fe.Name + "-notls.test"} {
			require.Contains(t, text, host)
		}
		require.Contains(t, text, "not checked: no answer in time after another image had failed")
		require.Less(t, took, 25*time.Second, "a registry that hangs must not hold the error back")
		require.Len(t, world.RefusedWarnings(res), 1)
	})
}

// TestPreflightCall: the same through `--call=preflight`, as text and as JSON.
func TestPreflightCall(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	s := newSixty(t, e, "call-")
	s.dockerfile = strings.ReplaceAll(s.dockerfile, "hang.test", "open.test") // the bound of a call is long
	opt := harness.CommandOpt{Files: world.Dockerfile(s.dockerfile), DockerConfig: world.Stale(t, e)}
	out := world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight,format=json")
	require.Equal(t, 1, out.Code, out.Stderr)
	var got report.Report
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &got))
	require.Equal(t, report.Version, got.Version)
	require.Len(t, got.References, 60)
	for _, ref := range got.References {
		w, ok := s.want[ref.Ref]
		if !ok {
			w = s.want["call-open.test/missing/image-0:1"]
		}
		require.Equal(t, w.outcome, ref.Outcome, ref.Ref)
		require.True(t, ref.Needed)
		require.Equal(t, "linux/amd64", ref.Platform)
		require.Len(t, ref.Positions, 1)
		require.Equal(t, "Dockerfile", ref.Positions[0].File)
		if w.outcome == report.OK {
			require.Nil(t, ref.Diagnosis)
			continue
		}
		require.Equal(t, w.class, ref.Diagnosis.Class, ref.Ref)
		require.Contains(t, fmt.Sprint(ref.Diagnosis.Remedies), w.remedy, ref.Ref)
		require.Equal(t, ref.Outcome == report.Failed, ref.Digest == "", ref.Ref)
	}
	require.Equal(t, report.Summary{References: 60, OK: 10, OKWithoutCredentials: 10, Failed: 40}, got.Summary)
	for i := range 10 {
		blobs := shared.GHCR.Requests().Blobs(fmt.Sprintf("sixty/public-%d", i))
		require.LessOrEqual(t, len(blobs), 1, "no layer is pulled, at most the configuration: %s", blobs)
	}

	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight")
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stdout, "IMAGE ")
	require.Contains(t, out.Stdout, "60 images: 10 ok, 10 ok without credentials, 40 failed\n")
	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight,ignorestatus=true")
	require.Zero(t, out.Code)
}

func TestPreflightCallOfWhatBuilds(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	opt := harness.CommandOpt{Files: world.Dockerfile("FROM alpine:3.23 AS a\nFROM ghcr.io/acme/private-base:1\nFROM a\n"), DockerConfig: world.Good(t, e)}
	out := world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight")
	require.Zero(t, out.Code, out.Stdout)
	require.Regexp(t, `ghcr.io/acme/private-base:1 +linux/amd64 +Dockerfile:2 +ok \(not needed by the target\) +sha256:[0-9a-f]{12}\n`, out.Stdout)

	// Under strict, what needs no credentials must not be had without.
	opt = harness.CommandOpt{Files: world.Dockerfile("FROM ghcr.io/acme/base:1\n"), DockerConfig: world.Stale(t, e)}
	require.Zero(t, world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight").Code)
	require.Equal(t, 1, world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight", "--build-arg", "PULLSAFE_STRICT=true").Code)

	// A Dockerfile that does not parse fails with the place.
	opt.Files = world.Dockerfile("FROM alpine:3.23\nFORM x\n")
	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=preflight")
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stderr, "unknown instruction: FORM")
	require.Contains(t, out.Stderr, ">>> FORM x")

	out = world.Buildx(t, d, shared.Pullsafe, opt, "--call=subrequests.describe")
	require.Contains(t, out.Stdout, "\npreflight ")
}

// TestPreflightBake: three targets of a bake file, one JSON object.
func TestPreflightBake(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	out, err := d.Buildx(t.Context(), harness.CommandOpt{
		Files: map[string]string{"docker-bake.hcl": `
group "default" { targets = ["one", "two", "three"] }
target "_syntax" { args = { BUILDKIT_SYNTAX = "` + shared.Pullsafe + `" } }
target "one" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM alpine:3.23"
}
target "two" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM ghcr.io/acme/base:1"
}
target "three" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM ghcr.io/acme/private-base:1"
}
`},
		Args: []string{"bake", "--progress=plain", "--call=preflight,format=json"}, DockerConfig: world.Stale(t, e),
	})
	require.NoError(t, err)
	require.Equal(t, 1, out.Code, out.Stderr)
	var doc struct {
		Target map[string]struct{ Preflight report.Report }
	}
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &doc), out.Stdout)
	for target, outcome := range map[string]report.Outcome{"one": report.OK, "two": report.OKWithoutCredentials, "three": report.Failed} {
		refs := doc.Target[target].Preflight.References
		require.Len(t, refs, 1, target)
		require.Equal(t, outcome, refs[0].Outcome, target)
	}
}

// TestMetadataFile: the report and the warning reach the metadata file of buildx,
// in the form that CI turns into annotations.
func TestMetadataFile(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	file := filepath.Join(t.TempDir(), "metadata.json")
	out := world.Buildx(t, d, shared.Pullsafe, harness.CommandOpt{
		Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e), Env: []string{"BUILDX_METADATA_WARNINGS=1"},
	}, "--metadata-file="+file)
	require.Zero(t, out.Code, out.Stderr)
	dt, err := os.ReadFile(file)
	require.NoError(t, err)
	var doc struct {
		Report   report.Report `json:"frontend.pullsafe.report"`
		Warnings []struct {
			Short      []byte
			Detail     [][]byte
			URL        string
			SourceInfo struct {
				Filename string
				Data     []byte
			}
			Range []struct{ Start struct{ Line int } }
		} `json:"buildx.build.warnings"`
	}
	require.NoError(t, json.Unmarshal(dt, &doc), string(dt))
	require.Equal(t, report.Summary{References: 2, OK: 1, OKWithoutCredentials: 1}, doc.Report.Summary)
	require.Len(t, doc.Warnings, 1, string(dt))
	w := doc.Warnings[0]
	require.Contains(t, string(w.Short), "RegistryCredentialsRefused: ghcr.io refused the stored credentials")
	require.NotEmpty(t, w.Detail)
	require.NotEmpty(t, w.URL)
	require.Equal(t, "Dockerfile", w.SourceInfo.Filename)
	require.Equal(t, world.UVDockerfile, string(w.SourceInfo.Data))
	require.Equal(t, 2, w.Range[0].Start.Line)
}

func TestWarningInRawJSON(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	out := world.Buildx(t, d, shared.Pullsafe, harness.CommandOpt{Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e)}, "--progress=rawjson")
	require.Zero(t, out.Code, out.Stderr)
	found := 0
	for line := range strings.Lines(out.Stderr) {
		var status struct {
			Warnings []struct{ Short []byte }
		}
		if json.Unmarshal([]byte(line), &status) == nil {
			for _, w := range status.Warnings {
				require.Contains(t, string(w.Short), "RegistryCredentialsRefused: ")
				found++
			}
		}
	}
	require.Equal(t, 1, found)
}

// TestCheckDirective: the linter's directive silences the warning or makes it an
// error, in the Dockerfile or as a build argument.
func TestCheckDirective(t *testing.T) {
	for _, tc := range []struct {
		name, directive string
		opts            map[string]string
		warnings        int
		fails           bool
	}{
		{name: "none", warnings: 1},
		{name: "skip", directive: "# check=skip=RegistryCredentialsRefused\n"},
		{name: "skip all", directive: "# check=skip=all\n"},
		{name: "skip another", directive: "# check=skip=StageNameCasing\n", warnings: 1},
		{name: "error", directive: "# check=error=true\n", warnings: 1, fails: true},
		{name: "skip and error", directive: "# check=skip=RegistryCredentialsRefused;error=true\n"},
		{name: "build argument", directive: "# check=error=true\n", opts: map[string]string{"build-arg:BUILDKIT_DOCKERFILE_CHECK": "skip=RegistryCredentialsRefused"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			world.Both(t, func(t *testing.T, fe harness.Frontend) {
				e, c := world.Fresh(t)
				res := world.Solve(t, e, c, harness.SolveInput{
					Frontend: fe, Files: world.Dockerfile(tc.directive + "FROM ghcr.io/acme/base:1\n"), Opts: tc.opts, DockerConfig: world.Stale(t, e),
				})
				if tc.fails {
					require.ErrorContains(t, res.Err, "lint violation found for rules: RegistryCredentialsRefused")
				} else {
					require.NoError(t, res.Err)
				}
				require.Len(t, world.RefusedWarnings(res), tc.warnings)
			})
		})
	}
}

// TestUnneededStages: a stage that the target does not need never fails or holds
// up the build, and warns only of refused credentials.
func TestUnneededStages(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		hang := "spare-" + fe.Name + ".test"
		reg, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Hosts: []string{hang}, Mode: harness.ModeToken})
		require.NoError(t, err)
		defer reg.Disconnect()
		reg.SetFault(harness.FaultHang())
		began := time.Now()
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, DockerConfig: world.Stale(t, e),
			Files: world.Dockerfile("FROM " + hang + "/a:1 AS x\nFROM ghcr.io/acme/private-base:1 AS y\nFROM alpine:3.23\nRUN true\n"),
		})
		require.NoError(t, res.Err)
		require.Less(t, time.Since(began), 20*time.Second)
		require.Equal(t, []string{"RegistryCredentialsRefused: ghcr.io refused the stored credentials for ghcr.io/acme/private-base:1, " +
			"which the target does not need. Run: docker logout ghcr.io (line 2)"}, world.RefusedWarnings(res))
	})
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// TestTerminal looks at a terminal: the steps and the final error must read the
// same there.
func TestTerminal(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	pty, name, err := console.NewPty()
	require.NoError(t, err)
	defer func() { _ = pty.Close() }()
	require.NoError(t, pty.Resize(console.WinSize{Width: 180, Height: 50}))
	_, err = d.Buildx(t.Context(), harness.CommandOpt{Args: []string{"version"}}) // makes the builder
	require.NoError(t, err)
	dir, err := e.WriteFiles(world.Dockerfile("FROM ghcr.io/acme/base:1\nCOPY --from=ghcr.io/acme/private-tools:1 / /x\n"))
	require.NoError(t, err)
	tty, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { _ = tty.Close() }()
	cmd := exec.CommandContext(t.Context(), e.Tools.Path(harness.ToolBuildx), "build", "--builder", d.Name, "--progress=tty",
		"--build-arg", "BUILDKIT_SYNTAX="+shared.Pullsafe, ".")
	cmd.Dir = dir
	cmd.Env = e.Environ("DOCKER_CONFIG="+world.Stale(t, e).Dir, "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	screen := make(chan string)
	go func() {
		var b strings.Builder
		buf := make([]byte, 4096)
		for {
			n, err := pty.Read(buf)
			b.Write(buf[:n])
			if err != nil {
				screen <- b.String()
				return
			}
		}
	}()
	require.Error(t, cmd.Run())
	require.NoError(t, tty.Close())
	text := strings.ReplaceAll(escapes.ReplaceAllString(<-screen, ""), "\r", "")
	require.Contains(t, text, "load metadata for ghcr.io/acme/base:1 (without credentials)")
	require.Contains(t, text, "ERROR: failed to build: failed to solve: 1 of 2 images could not be resolved\n\nghcr.io refused the stored credentials (denied), and refused without them too")
	require.Contains(t, text, "\n  docker logout ghcr.io\n")
	require.Contains(t, text, "RegistryCredentialsRefused: ghcr.io refused the stored credentials; resolved ghcr.io/acme/base:1 without them.")
}
