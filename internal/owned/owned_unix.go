//go:build unix

package owned

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	noFollow = syscall.O_NOFOLLOW
	noWait   = syscall.O_NONBLOCK // a pipe is refused, not waited for
)

// maxLinks is how many links on a path are followed, as the system does.
const maxLinks = 40

func whose(path string, info fs.FileInfo, kind Kind) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	user := os.Geteuid()
	if st.Uid != 0 && int(st.Uid) != user {
		return &Error{path, fmt.Sprintf("belongs to user %d, and this runs as user %d", st.Uid, user),
			fmt.Sprintf("run this as that user, or, if you know what it holds, chown %d %s", user, printable(path))}
	}
	perm := info.Mode().Perm()
	others := writers(st)
	if kind == Secret {
		others = 0o077
		if st.Uid == 0 && user != 0 {
			others = 0o037 // this user reads it through the group
		}
	}
	switch {
	case perm&others == 0:
		return nil
	case kind == Secret && perm&others&0o022 == 0:
		return &Error{path, fmt.Sprintf("can be read by others (mode %04o)", perm),
			fmt.Sprintf("others may have read it: make a new one or, if nobody else uses this machine, chmod %o %s", perm&^others, printable(path))}
	case kind == Dir:
		return &Error{path, fmt.Sprintf("is writable by others (mode %04o), who could swap what is in it", perm), "look at what is in it, then chmod go-w " + printable(path)}
	default:
		return &Error{path, fmt.Sprintf("can be written by others (mode %04o)", perm), fmt.Sprintf("look at what it holds, then chmod %o %s", perm&^others, printable(path))}
	}
}

// writers are the mode bits of others who may write. A group with the user's
// number is the user's own.
func writers(st *syscall.Stat_t) fs.FileMode {
	if st.Uid != 0 && st.Uid == st.Gid {
		return 0o002
	}
	return 0o022
}

// CheckPath refuses an absolute path of a folder on which somebody else could replace
// a folder or a link, now or later. Each folder on the path, including the
// last, must belong to root or to the process's user, and only its owner may
// write to it, unless it is sticky as /tmp is. With ownerOnly, everything below
// a folder that only its owner can enter is safe, unless a link leads out of
// it. A folder that does not exist yet is not checked.
func CheckPath(dir string, ownerOnly bool) error { return walk(dir, ownerOnly, false) }

// walk is CheckPath, but with file the path may end at a file.
func walk(dir string, ownerOnly, file bool) error {
	at, rest := "/", parts(dir)
	private := "" // a folder on the path that only its owner can enter
	for links := 0; ; {
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		inPrivate := private != "" && strings.HasPrefix(at, private+"/")
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		if !inPrivate && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
			return &Error{at, "belongs to user " + strconv.Itoa(int(st.Uid)) + ", who could swap what is in it",
				fmt.Sprintf("name another folder, or chown %d %s", os.Geteuid(), printable(at))}
		}
		perm := info.Mode().Perm()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return &Error{at, "is one of too many links", "name the folder that they lead to"}
			}
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			rest = append(parts(target), rest...)
			if at = filepath.Dir(at); filepath.IsAbs(target) {
				at = "/"
			}
		case !info.IsDir() && file && len(rest) == 0:
		case !info.IsDir():
			return &Error{at, "is " + typeOf(info) + ", not a folder", "name another folder"}
		case inPrivate:
		case ownerOnly && perm&0o011 == 0:
			private = at
		case perm&writers(st) != 0 && info.Mode()&fs.ModeSticky == 0:
			return &Error{at, fmt.Sprintf("is writable by others (mode %04o), who could swap what is in it", perm),
				fmt.Sprintf("chmod go-w %s, or name another folder", printable(at))}
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

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
