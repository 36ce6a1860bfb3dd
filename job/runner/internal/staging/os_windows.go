package staging

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

const (
	noFollow          = 0 // Lstat before and SameFile after do it here
	noWait            = 0 // pipes are not in folders
	foldersCannotSync = true
)

// diskFull reports whether err means that there is no space left.
func diskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// Who may use the folder, what is in it and what is above it: its access list is inherited from the folder that the
// agent is installed in, which its installer sets.

func ownedByUs(fs.FileInfo) error { return nil }

func private(fs.FileInfo) error { return nil }
