package staging

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// reopen opens an existing regular file that only the agent can use, never
// through a link.
func (s *Store) reopen(name string, flags int) (*os.File, error) {
	before, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path.Base(name))
	}
	f, err := s.root.OpenFile(name, flags|noFollow|noWait, 0)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil || !os.SameFile(before, after) {
		err = fmt.Errorf("%s was replaced while it was opened", path.Base(name))
	} else if err = private(after); err != nil {
		err = fmt.Errorf("%s %w", path.Base(name), err)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// create makes a new file. It deletes what has its name.
func (s *Store) create(name string) (*os.File, error) {
	if err := s.root.RemoveAll(name); err != nil {
		return nil, err
	}
	return s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
}

// meta is the record of one file.
type meta struct {
	URL       string `json:"url"`
	Validator string `json:"validator,omitempty"` // a strong ETag or a Last-Modified: what If-Range takes
	Asked     bool   `json:"asked,omitempty"`     // the server was asked for the detached signature
	Signed    bool   `json:"signed,omitempty"`    // the server had it
	Detached  []byte `json:"detached,omitempty"`
	Total     int64  `json:"total,omitempty"` // size that the server announced; -1 or zero: not known
}

// readMeta returns the zero meta if there is no valid one: then everything is
// fetched again.
func (s *Store) readMeta(name string) meta {
	f, err := s.reopen(name, os.O_RDONLY)
	if err != nil {
		return meta{}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMeta))
	var m meta
	if err != nil || json.Unmarshal(b, &m) != nil {
		return meta{}
	}
	return m
}

func (s *Store) writeMeta(name string, m meta) error {
	b, _ := json.Marshal(m) // texts and numbers: it cannot fail
	f, err := s.create(name + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, s.root.Remove(name+".new"))
	}
	return s.root.Rename(name+".new", name)
}

// finish makes a complete file durable under its final name, if the system can
// sync folders.
func (s *Store) finish(f *os.File, base string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := s.root.Rename(base+partial, base+complete); err != nil {
		return err
	}
	folder, err := s.root.Open(path.Dir(base))
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !foldersCannotSync {
		return err
	}
	return nil
}

// digest feeds at most the first n bytes of f to d and returns how many it
// read.
func digest(d *integrity.Digester, f *os.File, n int64) (int64, error) {
	return io.Copy(d, io.NewSectionReader(f, 0, n))
}
