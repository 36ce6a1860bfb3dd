//go:build unix

package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

const (
	noFollow          = syscall.O_NOFOLLOW
	noWait            = syscall.O_NONBLOCK // a pipe is refused, not waited for
	foldersCannotSync = false
)

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func ownedByUs(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("belongs to user %d and the agent runs as user %d", st.Uid, os.Geteuid())
}

// private refuses a file or folder that others own, may use, or can reach under
// another name (INT-6). It does not take rights away, because others may
// already have the file open.
func private(info fs.FileInfo) error {
	if err := ownedByUs(info); err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return fmt.Errorf("is open to others (mode %04o)", perm)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && !info.IsDir() && st.Nlink != 1 {
		return fmt.Errorf("has %d names", st.Nlink)
	}
	return nil
}
