// Package inroot reads and changes files below a folder, as a process sees them
// that has this folder as its root.
//
// A container chooses its own links. Every link, relative or absolute, is
// resolved inside the folder, never on the host, even if it is replaced in the
// meantime: all access goes through an [os.Root]. Only regular files are
// opened: a pipe or device in their place is refused and not waited for. The
// root "/" is the host itself, where links are followed as usual.
package inroot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNotRegular is in the error for a folder, pipe, device or socket in the
// place of a file.
var ErrNotRegular = errors.New("it is not a regular file")

// maxLinks is how many links one name may lead over, as on Linux.
const maxLinks = 40

// Open opens a regular file for reading.
func Open(root, name string) (*os.File, error) { return OpenFile(root, name, os.O_RDONLY, 0) }

// OpenFile opens a regular file, or makes one if flag says so.
func OpenFile(root, name string, flag int, perm fs.FileMode) (*os.File, error) {
	return in(root, name, func(s system, name string) (*os.File, error) {
		f, err := s.OpenFile(name, flag|noWait, perm)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = &fs.PathError{Op: "open", Path: filepath.Join(root, name), Err: ErrNotRegular}
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	})
}

// ReadFile reads a regular file of at most most bytes.
func ReadFile(root, name string, most int64) ([]byte, error) {
	f, err := Open(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes", f.Name(), most)
	}
	return b, err
}

// ReadDir lists a folder, sorted by name.
func ReadDir(root, name string) ([]fs.DirEntry, error) {
	return in(root, name, func(s system, name string) ([]fs.DirEntry, error) {
		f, err := s.OpenFile(name, os.O_RDONLY|noWait, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		entries, err := f.ReadDir(-1)
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		return entries, err
	})
}

// Stat describes a file or folder. It follows links.
func Stat(root, name string) (fs.FileInfo, error) {
	return in(root, name, func(s system, name string) (fs.FileInfo, error) { return s.Stat(name) })
}

// Readlink returns where a link points, as it is written.
func Readlink(root, name string) (string, error) {
	dir, last := path.Split(path.Clean(filepath.ToSlash(name)))
	return in(root, dir, func(s system, dir string) (string, error) { return s.Readlink(path.Join(dir, last)) })
}

// Remove deletes a file or link.
func Remove(root, name string) error {
	dir, last := path.Split(path.Clean(filepath.ToSlash(name)))
	_, err := in(root, dir, func(s system, dir string) (struct{}, error) { return struct{}{}, s.Remove(path.Join(dir, last)) })
	return err
}

// MkdirAll makes a folder and those above it.
func MkdirAll(root, name string, perm fs.FileMode) error {
	_, err := in(root, name, func(s system, name string) (struct{}, error) { return struct{}{}, s.MkdirAll(name, perm) })
	return err
}

// system is what is below the root.
type system interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Lstat(name string) (fs.FileInfo, error)
	Stat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	Remove(name string) error
	MkdirAll(name string, perm fs.FileMode) error
}

// in calls do with the system and a name without links.
func in[T any](root, name string, do func(s system, name string) (T, error)) (T, error) {
	if root == "/" {
		if !filepath.IsAbs(name) {
			name = filepath.Join("/", name)
		}
		return do(host{}, name)
	}
	var none T
	r, err := os.OpenRoot(root)
	if err != nil {
		return none, err
	}
	defer r.Close()
	name, err = resolve(r, name)
	if err != nil {
		return none, err
	}
	return do(r, name)
}

// resolve follows the links of a name. The part that does not exist stays as it
// is.
func resolve(s system, name string) (string, error) {
	todo := split(name)
	done, links := ".", 0
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		if part == ".." {
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		info, err := s.Lstat(next)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			done = next // an error shows up again when the name is used
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s leads over more than %d links", name, maxLinks)
		}
		to, err := s.Readlink(next)
		if err != nil {
			return "", err
		}
		to = filepath.ToSlash(to)
		if path.IsAbs(to) {
			done = "."
		}
		todo = append(split(to), todo...)
	}
	return done, nil
}

func split(name string) []string {
	return slices.DeleteFunc(strings.Split(filepath.ToSlash(name), "/"), func(p string) bool { return p == "" || p == "." })
}

// host is the system that this program runs on.
type host struct{}

func (host) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}
func (host) Lstat(name string) (fs.FileInfo, error)       { return os.Lstat(name) }
func (host) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }
func (host) Readlink(name string) (string, error)         { return os.Readlink(name) }
func (host) Remove(name string) error                     { return os.Remove(name) }
func (host) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }

// OpenContext opens a regular file for reading and returns its size. Open,
// reads and close return when ctx ends, even if the system never answers, as on
// a network mount that is gone.
func OpenContext(ctx context.Context, root, name string) (io.ReadCloser, int64, error) {
	type opened struct {
		body io.ReadCloser
		size int64
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := Open(root, name)
		if err != nil {
			done <- opened{err: err}
			return
		}
		info, err := f.Stat()
		if err != nil {
			_ = f.Close()
			done <- opened{err: err}
			return
		}
		done <- opened{body: until(ctx, f), size: info.Size()}
	}()
	select {
	case o := <-done:
		return o.body, o.size, o.err
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
}

// buffer is how many bytes are read at a time.
const buffer = 256 << 10

// until reads a file on a goroutine of its own, until the file or ctx ends or
// the result is closed, and closes it then.
func until(ctx context.Context, file io.ReadCloser) io.ReadCloser {
	from, to := io.Pipe()
	stop := context.AfterFunc(ctx, func() { _ = to.CloseWithError(ctx.Err()) })
	go func() {
		defer stop()
		defer file.Close()
		// Only Read: a file's WriteTo would use a smaller buffer.
		_, err := io.CopyBuffer(to, struct{ io.Reader }{file}, make([]byte, buffer))
		_ = to.CloseWithError(err)
	}()
	return from
}
