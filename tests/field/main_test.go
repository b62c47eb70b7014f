package field

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

func TestMain(m *testing.M) {
	code := harness.Main(m, lab.start)
	// A run of some rows does not make the whole table.
	if code == 0 && world.Full() && flag.Lookup("test.run").Value.String() == "" {
		code = tables.write()
	}
	os.Exit(code)
}

// lab is what all rows share: each has a host and a repository of its own, so that
// nothing that the daemon remembers is of use to another.
var lab laboratory

type laboratory struct {
	images *harness.Registry // serves everybody; the other registries have its images
	daemon *harness.Buildkitd
	client *client.Client
	check  string // docker-pullsafe

	helpers string // a folder of docker-credential programs, on PATH
}

func (l *laboratory) start(ctx context.Context, e *harness.Env) (err error) {
	need := fastTools
	if world.Full() {
		need = append(need, slowTools...)
	}
	for _, name := range need {
		dir, err := fieldTool(ctx, name)
		if err != nil {
			return err
		}
		if _, err := os.Stat(dir); err != nil {
			return errors.Errorf("the tool %s is missing; run: sh tests/tools/field/build.sh field", name)
		}
	}
	if l.images, err = e.StartRegistry(ctx, harness.RegistryOpt{Mode: harness.ModeOpen}); err != nil {
		return err
	}
	if l.helpers, err = e.WriteFiles(nil); err != nil {
		return err
	}
	if err := os.Setenv("PATH", l.helpers+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		return errors.WithStack(err)
	}
	if l.check, err = e.BuildBinary(ctx, "./cmd/docker-pullsafe"); err != nil {
		return err
	}
	if l.daemon, err = e.StartBuildkitd(ctx, harness.BuildkitdOpt{}); err != nil {
		return err
	}
	l.client, err = l.daemon.Client(ctx)
	return err
}

// The tools, as tests/tools/field/build.sh knows them. The first two are root file systems.
const (
	toolDebian        = "debian"
	toolDebianMore    = "debian-more"
	toolCaddy         = "caddy"
	toolGitea         = "gitea"
	toolOlareg        = "olareg"
	toolZot           = "zot"
	toolPass          = "pass"
	toolSecretservice = "secretservice"
	toolGCR           = "gcr"
	toolECR           = "ecr-login"
	toolACR           = "acr-env"
)

var (
	fastTools = []string{toolDebian, toolPass}
	slowTools = []string{toolDebianMore, toolCaddy, toolGitea, toolOlareg, toolZot, toolSecretservice, toolGCR, toolECR, toolACR}
)

// fieldTool is the folder of a tool.
func fieldTool(ctx context.Context, name string) (string, error) {
	root, err := harness.Checkout()
	if err != nil {
		return "", err
	}
	script := filepath.Join(root, "tests", "tools", "field", "build.sh")
	out, err := exec.CommandContext(ctx, "/bin/sh", script, "-n", name).Output()
	return strings.TrimSpace(string(out)), errors.Wrapf(err, "%s -n %s", script, name)
}

func tool(t *testing.T, name string) string {
	t.Helper()
	dir, err := fieldTool(t.Context(), name)
	require.NoError(t, err)
	return dir
}

// slow skips what `make test` does not run.
func slow(t *testing.T, is bool) {
	t.Helper()
	if is && !world.Full() {
		t.Skip("slow: make field")
	}
}
