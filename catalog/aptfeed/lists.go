package aptfeed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// lists is a directory of lists that apt has downloaded. It is only read:
// nothing is written, locked or fetched.
type lists struct {
	source source
	dir    string
	in     repository.System
}

const update = "run \"apt-get update\""

// where returns where apt keeps the file of that path.
func (l *lists) where(path string) string { return filepath.Join(l.dir, l.source.listName(path)) }

func (l *lists) read(ctx context.Context, name string, _ repository.Validators) ([]byte, repository.Validators, error) {
	data, err := l.in.ReadFile(ctx, l.where(name), maxInRelease)
	if is(err, Missing) {
		err = fail(Missing, l.where(name), nil, "apt has not downloaded this suite: %s", update)
	}
	return data, repository.Validators{}, err
}

func (l *lists) open(ctx context.Context, path string, rel release) (packed, error) {
	if _, known := rel.files[path]; !known {
		return packed{}, fail(Unsupported, l.where(path), nil, "the Release file has only digests of the packed forms, and apt repacks what it keeps")
	}
	for _, extension := range keptAs {
		where := l.where(path) + extension
		root, name := l.in.In(where)
		f, _, err := inroot.OpenContext(ctx, root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return packed{}, fail(Unreachable, where, err, "it cannot be read")
		}
		return packed{f, extension, where}, nil
	}
	if rel.files[path].Size == 0 {
		// apt does not keep empty lists.
		return packed{io.NopCloser(bytes.NewReader(nil)), "", l.where(path)}, nil
	}
	return packed{}, fail(Missing, l.where(path), nil, "the list is missing in every form that can be read (plain, %s): %s", strings.Join(keptAs[1:], ", "), update)
}
