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
	foldersCannotSync = false
)

// diskFull reports whether err means that there is no space left.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// ownedByUs refuses a folder that somebody else could change at will.
func ownedByUs(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("belongs to user %d and the agent runs as user %d: name a folder of the agent's own", st.Uid, os.Geteuid())
}
