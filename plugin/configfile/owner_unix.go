//go:build unix

package configfile

import (
	"os"
	"syscall"
)

// keepOwner gives f the owner and the group of another file, if it has not.
func keepOwner(f *os.File, other os.FileInfo) error {
	own, err := f.Stat()
	if err != nil {
		return err
	}
	is, ok := own.Sys().(*syscall.Stat_t)
	want, known := other.Sys().(*syscall.Stat_t)
	if !ok || !known || is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}
