// Package owned checks whose files a program's own files are, before they are opened or made.
//
// A key that somebody else may read is everybody's, and a state file that somebody else may write, swap, or lead elsewhere
// by a link is not one's own. [Check] looks at four things, in this order:
//
//   - the way: every folder above is owned by root or by the process's user, and nobody else may write to it, unless it is
//     sticky, as /tmp is. Links on the way are followed, and held to the same. A user's own group, which has the user's
//     number, is not somebody else.
//   - the type: a regular file, or a folder. Never a link, a pipe or a device.
//   - the owner: the process's user, or root.
//   - the mode, see [Kind].
//
// [Open], [Read], [Write] and [Folder] do what they say after that check; Open looks at what it opened once more. Since
// nobody else can write to the folders that passed, what passed is still there when another package opens it by its name.
//
// On Windows only the type is checked: who may use a file there is said by an access list, which is inherited from the
// folder that the program is installed in, and which the standard library does not read. A program there relies on its
// installer.
package owned

import (
	"bytes"
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
	Secret      // a file that its owner alone may read: mode 0600 or less; if it is root's and the process is not, its group may read it (0640)
	State       // a file that its owner alone may write
	Dir         // a folder that its owner alone may write to, sticky or not
)

// Error says what is wrong with a file or a folder, and how to mend it.
type Error struct {
	Path string // what is wrong: the file, or a folder above it
	Why  string // "belongs to user 65534"
	Mend string // a command, or what else to do
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %s", printable(e.Path), e.Why, e.Mend) }

// printable is a path as it is, or quoted when a terminal or a shell would take it for something else.
func printable(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return r == '\'' || !strconv.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	if strings.ContainsAny(path, " \"\\$`;&|<>()*?[]#~!{}") {
		return "'" + path + "'"
	}
	return path
}

// Check checks a file or folder. What is not there is fs.ErrNotExist, after its way was checked. Other errors are an
// *Error, or of the file system.
func Check(path string, kind Kind) error {
	// Without "..", which the system takes back from where a link led: the way that is checked must be the one taken.
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := Way(filepath.Dir(path), false); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return judge(path, info, kind)
}

// CheckLinked is Check of a file that links may lead to, as those to the keys of certificates do. The links and every folder on
// the way are held to what Check asks of a way.
func CheckLinked(path string, kind Kind) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := way(path, false, true); err != nil {
		return err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	return Check(path, kind)
}

// judge judges what is there.
func judge(path string, info fs.FileInfo, kind Kind) error {
	want, right := "a regular file", info.Mode().IsRegular()
	if kind == Dir {
		want, right = "a folder", info.IsDir()
	}
	if !right {
		return &Error{path, fmt.Sprintf("is %s, not %s", typeOf(info), want), "look at what it is, and remove it, or name another path"}
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

// Open checks a file and opens it as os.OpenFile does, with mode 0600 when flag makes it. It follows no link and waits for
// no pipe, and checks again what it opened.
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

// Read checks and reads a file of at most so many bytes.
func Read(path string, kind Kind, most int64) ([]byte, error) {
	f, err := Open(path, os.O_RDONLY, kind)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var data bytes.Buffer
	if _, err := io.Copy(&data, io.LimitReader(f, most+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", printable(path), most)
	}
	return data.Bytes(), nil
}

// Write makes a file with mode 0600, or replaces one that passes the check. It is written aside and renamed, so that a full
// disk or a crash leaves the old one or none, never a half or an empty one.
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

// Folder makes a folder if it is missing, with those above it, for the owner alone, and checks it.
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
