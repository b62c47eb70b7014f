package selfbuild

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// site is a daemon, a registry for results, and what stands in for the outside.
type site struct {
	daemon   *harness.Buildkitd
	registry *harness.Registry
	modules  *moduleProxy
	// bases has an OCI layout for each image of the Dockerfile's FROM lines.
	bases map[string]string
	// pullsafe is the frontend of this checkout, as the other tests use it.
	pullsafe string
	// missing tells why nothing can be built here.
	missing string
}

// gcConfig bounds the folder that stays. Cache mounts count as anything else: by
// default they would be the first to go.
const gcConfig = `
[[worker.oci.gcpolicy]]
  all = true
  maxUsedSpace = "12GB"
`

func (s *site) start(ctx context.Context, e *harness.Env) (err error) {
	rootfs := e.Tools.Path(harness.ToolRootfs)
	if _, err := os.Stat(rootfs); err != nil {
		s.missing = "no root file system to build on: it is made by tests/tools/build.sh, from Debian packages only"
		return nil
	}
	kept, err := keptFolder(ctx, e)
	if err != nil {
		return err
	}
	if s.bases, err = standIns(ctx, e, filepath.Join(kept, "images")); err != nil {
		return err
	}
	if s.modules, err = serveModules(ctx, e); err != nil {
		return err
	}
	if s.daemon, err = startDaemon(ctx, e, filepath.Join(kept, "buildkitd")); err != nil {
		return errors.Wrapf(err, "if this comes again, remove %s: it is only a cache", kept)
	}
	if s.registry, err = e.StartRegistry(ctx, harness.RegistryOpt{Mode: harness.ModeOpen}); err != nil {
		return err
	}
	s.pullsafe = s.registry.Addr + "/org/pullsafe:tests"
	_, err = e.PushFrontend(ctx, s.registry, "org/pullsafe:tests")
	return err
}

func startDaemon(ctx context.Context, e *harness.Env, root string) (*harness.Buildkitd, error) {
	return e.StartBuildkitd(ctx, harness.BuildkitdOpt{Root: root, Config: gcConfig, Args: []string{"--oci-worker-gc=true"}})
}

// get returns the site for a test, which is skipped where nothing can be built.
func get(t *testing.T) (*harness.Env, *site) {
	t.Helper()
	e := harness.T(t)
	if shared.missing != "" {
		t.Skip(shared.missing)
	}
	harness.LogOnFailure(t, shared.daemon.Process)
	t.Cleanup(func() {
		require.Empty(t, e.Network.Refused(), "something tried to leave the host")
		require.Empty(t, shared.modules.Refused(), "a step tried to leave the host")
	})
	return e, &shared
}

// checkout is the root folder of the checkout.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := harness.Checkout()
	require.NoError(t, err)
	return root
}

// keptFolder is a folder that outlives the run, or, if another run has it, a
// temporary one: slower, with the same result.
func keptFolder(ctx context.Context, e *harness.Env) (string, error) {
	cache, err := harness.CacheDir(ctx)
	if err != nil {
		return "", err
	}
	// Another version of BuildKit may not read what this one has written.
	out, err := e.Run(ctx, e.Tools.Path(harness.ToolBuildkitd), harness.CommandOpt{Dir: e.Dir, Args: []string{"--version"}})
	if err != nil {
		return "", err
	}
	version := buildkitVersion.FindString(out.Stdout)
	if version == "" {
		return "", errors.Errorf("buildkitd --version: %s%s", out.Stdout, out.Stderr)
	}
	all := filepath.Join(cache, "selfbuild")
	dir := filepath.Join(all, version)
	ok, err := e.LockFolder(dir)
	if err != nil {
		return "", err
	}
	if !ok {
		return filepath.Join(e.Dir, "selfbuild"), nil
	}
	return dir, removeVersions(e, all, version)
}

// removeVersions removes the folders of other versions that nobody uses.
func removeVersions(e *harness.Env, all, keep string) error {
	entries, err := os.ReadDir(all)
	if err != nil {
		return errors.WithStack(err)
	}
	for _, entry := range entries {
		dir := filepath.Join(all, entry.Name())
		if entry.Name() == keep {
			continue
		}
		if ok, err := e.LockFolder(dir); err != nil || !ok {
			continue // in use, or no folder of ours
		}
		if err := os.RemoveAll(dir); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}
