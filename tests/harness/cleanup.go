package harness

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

const (
	dirPrefix = "pullsafe-"
	lockName  = ".lock"
	cgroupDir = "/sys/fs/cgroup"
)

// lockDir marks a folder as in use for as long as this process lives. The lock
// gets its name when it is held, so that sweep never finds it free. Children do
// not inherit it: Go opens files close-on-exec.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.Create(path + ".new")
	if err != nil {
		return nil, errors.WithStack(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, errors.Wrapf(err, "locking %s", path)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		_ = f.Close()
		return nil, errors.WithStack(err)
	}
	return f, nil
}

// sweep removes the folders of runs whose process was killed. The kernel has
// ended their daemons, so only files and control groups are left.
func sweep() {
	locks, err := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*", lockName))
	if err != nil {
		return
	}
	for _, path := range locks {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			dir := filepath.Dir(path)
			_ = removeAll(dir, filepath.Base(dir))
		}
		_ = f.Close()
	}
}

// removeAll removes a run's mounts, control groups and files.
func removeAll(dir, id string) error {
	left, err := unmountBelow(dir)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		// Removing the folder now would remove what is mounted into it.
		return errors.Errorf("still mounted: %s", strings.Join(left, ", "))
	}
	if err := os.RemoveAll(dir); err != nil {
		return errors.Wrapf(err, "removing %s", dir)
	}
	return removeCgroups(id)
}

// unmountBelow unmounts what is mounted below a folder, deepest first, and
// returns what stays. Daemons have mount namespaces of their own, so there is
// nothing unless one was started without.
func unmountBelow(dir string) (left []string, err error) {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return nil, errors.Wrap(err, "listing mounts")
	}
	slices.SortFunc(mounts, func(a, b *mountinfo.Info) int { return len(b.Mountpoint) - len(a.Mountpoint) })
	for _, m := range mounts {
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil {
			left = append(left, m.Mountpoint)
		}
	}
	return left, nil
}

// removeCgroups removes the control groups that runc made for containers: they
// lie below a group named after the run, in each hierarchy of cgroup v1.
func removeCgroups(id string) error {
	roots, err := filepath.Glob(filepath.Join(cgroupDir, "*", id))
	if err != nil {
		return errors.WithStack(err)
	}
	var left []string
	for _, root := range append(roots, filepath.Join(cgroupDir, id)) {
		var dirs []string
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for _, dir := range slices.Backward(dirs) {
			if err := unix.Rmdir(dir); err != nil && !errors.Is(err, syscall.ENOENT) {
				left = append(left, dir)
			}
		}
	}
	if len(left) > 0 {
		return errors.Errorf("control groups left: %s", strings.Join(left, ", "))
	}
	return nil
}
