//go:build unix

package staging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many links are followed on the way to the folder, as the system does.
const maxLinks = 40

// checkWay refuses an absolute path on which somebody else could swap a folder or a link, now or before the next start (INT-6):
// each folder on it must belong to root or to the agent's user and be writable by its owner alone, or be sticky as /tmp
// is, where only owners rename what they have. Below a folder that only its owner can enter, everything is safe, as far as
// no link leads out of it. What does not exist yet is not looked at.
func checkWay(dir string) error {
	at, rest := "/", parts(dir)
	shelter := "" // a folder on the way that only its owner can enter
	for links := 0; ; {
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		sheltered := shelter != "" && strings.HasPrefix(at, shelter+"/")
		st, ok := info.Sys().(*syscall.Stat_t)
		if ok && !sheltered && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
			return fmt.Errorf("%s belongs to user %d, who could swap what is in it", at, st.Uid)
		}
		if info.Mode()&fs.ModeSymlink != 0 && len(rest) > 0 {
			if links++; links > maxLinks {
				return fmt.Errorf("%s: too many links", at)
			}
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			rest = append(parts(target), rest...)
			if at = filepath.Dir(at); filepath.IsAbs(target) {
				at = "/"
			}
		} else {
			perm := info.Mode().Perm()
			switch {
			case len(rest) == 0:
				return nil
			case sheltered:
			case info.IsDir() && perm&0o011 == 0:
				shelter = at
			case perm&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
				return fmt.Errorf("%s is writable by others (mode %04o), who could swap what is in it: take that from them (chmod go-w), or name another folder", at, perm)
			}
		}
		if len(rest) == 0 {
			return nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

func parts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}
