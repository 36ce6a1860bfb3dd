package aptfeed

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
)

// cache keeps one feed's InRelease and package lists in a directory. It only
// saves fetching: what it reads is verified as if it came over the network, and
// an unreadable directory is like an empty one. Without a directory it keeps
// nothing.
type cache struct {
	dir string
}

type meta struct {
	Validators fetch.Validators              `json:"validators"`
	Published  map[catalog.PatchID]time.Time `json:"published,omitempty"`
}

const (
	releaseFile = "InRelease"
	metaFile    = "meta.json"
	listPrefix  = "list-"
)

func (c cache) read(name string, limit int64) ([]byte, error) {
	if c.dir == "" {
		return nil, fs.ErrNotExist
	}
	return fetch.System("").ReadFile(context.Background(), filepath.Join(c.dir, name), limit)
}

func (c cache) signed(where string) signedRelease {
	text, err := c.read(releaseFile, maxInRelease)
	if err != nil {
		return signedRelease{}
	}
	return signedRelease{text: text, where: where, validators: c.meta().Validators}
}

func (c cache) meta() (m meta) {
	data, err := c.read(metaFile, maxIndex)
	if err != nil || json.Unmarshal(data, &m) != nil {
		return meta{}
	}
	return m
}

// list returns a kept package list, nil if it is not kept or has changed.
func (c cache) list(sum repository.FileSum) []byte {
	data, err := c.read(listPrefix+sum.Digest.Sum, sum.Size)
	if err != nil || sum.Of(data) != sum {
		return nil
	}
	return data
}

// keep keeps a good state and deletes the lists that it does not name.
func (c cache) keep(h held) error {
	if c.dir == "" {
		return nil
	}
	m, err := json.Marshal(meta{h.signed.validators, h.published})
	if err != nil {
		return err
	}
	text := h.signed.text
	if h.signed.detached != nil {
		text = nil // it is fetched again
	}
	if err := errors.Join(c.write(releaseFile, text), c.write(metaFile, m)); err != nil {
		return err
	}
	names, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		digest, is := strings.CutPrefix(name.Name(), listPrefix)
		kept := slices.ContainsFunc(h.indexes, func(x index) bool { // in any form
			return slices.ContainsFunc(fetchedAs, func(extension string) bool { return h.release.files[x.path+extension].Digest.Sum == digest })
		})
		if is && !kept {
			err = errors.Join(err, os.Remove(filepath.Join(c.dir, name.Name())))
		}
	}
	return err
}

func (c cache) write(name string, data []byte) error {
	if c.dir == "" {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if old, err := c.read(name, int64(len(data))); err == nil && string(old) == string(data) {
		return nil
	}
	f, err := os.CreateTemp(c.dir, "tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(c.dir, name))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
