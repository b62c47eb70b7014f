package harness

import (
	"context"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// ToolRootfs is a tar of a small Debian with a shell, git and file. It is missing
// where there are no Debian packages.
const ToolRootfs = "rootfs.tar"

// CacheDir is the folder in which build.sh has its folder of tools, for what
// outlives a run.
func CacheDir(ctx context.Context) (string, error) {
	tools, err := toolsDir(ctx)
	if err != nil {
		return "", err
	}
	return filepath.Dir(filepath.Dir(tools)), nil
}

// LockFolder makes a folder that outlives the run, and holds it until the
// environment is closed, or the process ends. It returns false if another has it.
func (e *Env) LockFolder(dir string) (bool, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, errors.WithStack(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, errors.WithStack(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return false, nil
		}
		return false, errors.Wrapf(err, "locking %s", f.Name())
	}
	e.OnClose(dir, func(context.Context) error { return errors.WithStack(f.Close()) })
	return true, nil
}
