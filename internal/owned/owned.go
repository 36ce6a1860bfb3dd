// Package owned checks who owns a program's own files and who may change them,
// before they are opened or made.
//
// A key that somebody else can read is not secret, and a state file that
// somebody else can write, replace or redirect with a link cannot be trusted.
// [Check] checks four things, in this order:
//
//   - The path: every folder above belongs to root or to the process's user,
//     and nobody else may write to it, unless it is sticky, as /tmp is. Links
//     on the path are followed, and the same holds for them. A group with the
//     number of its user is that user's own, not somebody else.
//   - The type: a regular file, or a folder. Never a link, a pipe or a device.
//   - The owner: the process's user, or root.
//   - The mode, see [Kind].
//
// [Open], [Read], [Write] and [Folder] do what their names say after that
// check; Open also checks what it opened. Nobody else can write to the folders
// that passed, so what passed is still there when another package opens it by
// its name.
//
// On Windows only the type is checked. Access lists decide there who may use a
// file; they are inherited from the folder that the program is installed in,
// and the standard library does not read them. A program there relies on its
// installer.
package owned

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Kind is what a file is for.
type Kind int

// The kinds of files.
const (
	_      Kind = iota
	Secret      // only its owner may read it: mode 0600 or less; if it belongs to root and the process is not root, its group may read it (0640)
	State       // only its owner may write it
	Dir         // a folder that only its owner may write to, sticky or not
)

// Error says what is wrong with a file or a folder, and how to fix it.
type Error struct {
	Path string // what is wrong: the file, or a folder above it
	Why  string // "belongs to user 65534"
	Mend string // a command, or what else to do
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %s", printable(e.Path), e.Why, e.Mend) }

// printable is a path as it is, or quoted if a terminal or a shell would
// misread it.
func printable(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return r == '\'' || !strconv.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	if strings.ContainsAny(path, " \"\\$`;&|<>()*?[]#~!{}") {
		return "'" + path + "'"
	}
	return path
}

// Check checks a file or folder. If it does not exist, the error is
// [fs.ErrNotExist], after a check of its path. Other errors are an [*Error], or
// of the file system.
func Check(path string, kind Kind) error {
	// Abs removes "..", which the system would resolve after links: the path
	// that is checked must be the path that is used.
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := CheckPath(filepath.Dir(path), false); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return judge(path, info, kind)
}

// CheckLinked is Check for a file that links may lead to, such as the key of a
// certificate. The links, and every folder on the path, must pass as in Check.
func CheckLinked(path string, kind Kind) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := walk(path, false, true); err != nil {
		return err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	return Check(path, kind)
}

func judge(path string, info fs.FileInfo, kind Kind) error {
	want, right := "a regular file", info.Mode().IsRegular()
	if kind == Dir {
		want, right = "a folder", info.IsDir()
	}
	if !right {
		return &Error{path, fmt.Sprintf("is %s, not %s", typeOf(info), want), "find out what it is, then remove it or name another path"}
	}
	return whose(path, info, kind)
}

func typeOf(info fs.FileInfo) string {
	switch t := info.Mode().Type(); {
	case t == 0:
		return "a file"
	case t&fs.ModeDir != 0:
		return "a folder"
	case t&fs.ModeSymlink != 0:
		return "a link"
	case t&fs.ModeNamedPipe != 0:
		return "a pipe"
	case t&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

// Open checks a file and opens it as [os.OpenFile] does, with mode 0600 if flag
// makes it. It follows no link, does not wait for a pipe, and checks again what
// it opened.
func Open(path string, flag int, kind Kind) (*os.File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := Check(path, kind); err != nil && !(flag&os.O_CREATE != 0 && errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	f, err := os.OpenFile(path, flag|noFollow|noWait, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = judge(path, info, kind)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Read checks and reads a file of at most most bytes.
func Read(path string, kind Kind, most int64) ([]byte, error) {
	f, err := Open(path, os.O_RDONLY, kind)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", printable(path), most)
	}
	return data, err
}

// Write makes a file with mode 0600, or replaces one that passes the check. It
// writes a temporary file and renames it: a full disk or a crash leaves the old
// file or none, never a part of the new one.
func Write(path string, data []byte) error {
	if err := Check(path, State); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // with O_EXCL and mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// Folder makes a folder if it is missing, and those above it, for the owner
// alone, and checks it.
func Folder(path string) error {
	err := Check(path, Dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return Check(path, Dir)
}
