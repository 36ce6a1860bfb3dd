package staging

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

const (
	noFollow          = 0 // Lstat before and SameFile after do it here
	foldersCannotSync = true
)

// diskFull reports whether err means that there is no space left.
func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// ownedByUs: the folder's access list is inherited from the one the agent is installed in, which its installer sets.
func ownedByUs(fs.FileInfo) error { return nil }
