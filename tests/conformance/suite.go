package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

const (
	suitePackage   = "github.com/moby/buildkit/frontend/dockerfile"
	buildkitModule = "github.com/moby/buildkit"
	// rootTest is the test whose subtests are the suite.
	rootTest = "TestIntegration"
)

// suite is BuildKit's test binary and what it needs around it.
type suite struct {
	env     *harness.Env
	version string // of BuildKit
	module  string // the folder of the suite's module
	source  string // the folder of BuildKit's source
	bin     string // the folder of the programs, first on PATH
	mirror  string
	logs    string
	serial  int
}

func newSuite(ctx context.Context, env *harness.Env, logs string) (*suite, error) {
	root, err := harness.Checkout()
	if err != nil {
		return nil, err
	}
	s := &suite{
		env: env, module: filepath.Join(root, "tests", "conformance", "suite"), logs: logs,
		bin: filepath.Join(env.Dir, "bin"), mirror: filepath.Join(env.Dir, "mirror"),
	}
	for _, dir := range []string{s.bin, s.mirror, filepath.Join(env.Dir, "home")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	if err := s.findBuildKit(ctx, root); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"test", "-c", "-trimpath", "-o", s.binary(), suitePackage},
		{"build", "-trimpath", "-o", s.test2json(), "cmd/test2json"},
	} {
		if err := env.Go(ctx, s.module, args...); err != nil {
			return nil, err
		}
	}
	if err := s.wrapBuildkitd(); err != nil {
		return nil, err
	}
	return s, s.fillMirror(ctx)
}

func (s *suite) binary() string    { return filepath.Join(s.bin, "suite.test") }
func (s *suite) test2json() string { return filepath.Join(s.bin, "test2json") }

// findBuildKit finds the version and source of BuildKit, which must be the same
// in the product's module, or other frontends would be compared.
func (s *suite) findBuildKit(ctx context.Context, root string) error {
	list := func(dir string) (string, error) {
		cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", buildkitModule)
		cmd.Dir = dir
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), errors.Wrapf(err, "go list in %s", dir)
	}
	// Before the list, or the folder of a module that was never fetched is empty.
	if err := s.env.Go(ctx, s.module, "mod", "download", buildkitModule); err != nil {
		return err
	}
	suites, err := list(s.module)
	if err != nil {
		return err
	}
	products, err := list(root)
	if err != nil {
		return err
	}
	if suites != products {
		return errors.Errorf("tests/conformance/suite/go.mod has BuildKit %s, go.mod %s", suites, products)
	}
	s.version, s.source, _ = strings.Cut(suites, " ")
	return nil
}

// wrapper appends to the configuration that the suite gives its daemons.
const wrapper = `#!/bin/sh
for arg; do
  case $arg in
    --config=*) printf '\n[worker.oci]\n  defaultCgroupParent = "%s"\n' 'PARENT' >>"${arg#--config=}" ;;
  esac
done
exec 'BUILDKITD' "$@"
`

// wrapBuildkitd has the containers' control groups made where the environment
// removes them; namespaces do not end those.
func (s *suite) wrapBuildkitd() error {
	text := strings.NewReplacer("PARENT", s.env.CgroupParent(), "BUILDKITD", s.env.Tools.Path(harness.ToolBuildkitd)).Replace(wrapper)
	return errors.WithStack(os.WriteFile(filepath.Join(s.bin, harness.ToolBuildkitd), []byte(text), 0o755))
}

// suiteTimeout is for a run of all tests; each has BuildKit's own limits too.
const suiteTimeout = 90 * time.Minute

// run runs the tests whose names match with a frontend image.
func (s *suite) run(ctx context.Context, fe image, filter string) (*results, error) {
	tmp := filepath.Join(s.env.Dir, "t")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return nil, errors.WithStack(err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	r, w := io.Pipe()
	parsed := make(chan *results, 1)
	log, err := s.log(fe)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	go func() { parsed <- parse(io.TeeReader(r, log), progress(fe.String())) }()
	began := time.Now()
	code, err := s.env.RunIsolated(ctx, harness.IsolatedOpt{
		Dir: tmp,
		Args: []string{
			s.test2json(), "-t", "-p", suitePackage,
			s.binary(), "-test.v=test2json", "-test.timeout=" + suiteTimeout.String(), "-test.run=" + pattern(filter),
		},
		Env: s.env.Plain(
			"PATH="+s.bin+string(os.PathListSeparator)+s.env.Tools.Dir+string(os.PathListSeparator)+os.Getenv("PATH"),
			"HOME="+filepath.Join(s.env.Dir, "home"), "TMPDIR="+tmp,
			"FRONTEND_GATEWAY_ONLY=local:"+fe.tar, "BUILDKIT_REGISTRY_MIRROR_DIR="+s.mirror,
			"OTEL_TRACES_EXPORTER=none",
		),
		Stdout: w, Stderr: w,
	})
	_ = w.Close()
	res := <-parsed
	if err != nil {
		return nil, err
	}
	res.took = time.Since(began)
	return res, errors.Wrapf(res.check(), "%s: exit code %d", fe, code)
}

// log is the file for what a run prints, if it is wanted.
func (s *suite) log(fe image) (io.WriteCloser, error) {
	name := os.DevNull
	if s.logs != "" {
		s.serial++
		name = filepath.Join(s.logs, strconv.Itoa(s.serial)+"-"+fe.name+"-"+fe.channel+".json")
	}
	f, err := os.Create(name)
	return f, errors.WithStack(err)
}

// pattern is the value of -test.run: the root test, the suite's function, and
// the worker. The suite has another worker, which needs containerd.
func pattern(filter string) string {
	if filter == "" {
		filter = "."
	}
	return "^" + rootTest + "$/" + filter + "/^worker=oci$"
}

// only is a filter of the functions of the given tests.
func only(tests []string) string {
	var names []string
	for _, t := range tests {
		names = append(names, regexp.QuoteMeta(function(t)))
	}
	slices.Sort(names)
	return "^(" + strings.Join(slices.Compact(names), "|") + ")$"
}
