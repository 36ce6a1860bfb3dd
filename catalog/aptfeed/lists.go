package aptfeed

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// lists is a directory of lists that apt has downloaded. It is only read:
// nothing is written, locked or fetched.
type lists struct {
	source source
	dir    string
	in     fetch.System
}

const update = "run \"apt-get update\""

// where returns where apt keeps the file of that path.
func (l *lists) where(path string) string { return filepath.Join(l.dir, l.source.listName(path)) }

func (l *lists) read(ctx context.Context, name string, _ fetch.Validators) ([]byte, fetch.Validators, error) {
	data, err := l.in.ReadFile(ctx, l.where(name), maxInRelease)
	if fault.Is(err, fault.Missing) {
		err = fault.New(fault.Missing, l.where(name), nil, "apt has not downloaded this suite: %s", update)
	}
	return data, fetch.Validators{}, err
}

func (l *lists) open(ctx context.Context, path string, rel release) (packed, error) {
	if _, known := rel.files[path]; !known {
		return packed{}, fault.New(fault.Unsupported, l.where(path), nil, "the Release file has only digests of the packed forms, and apt repacks what it keeps")
	}
	for _, extension := range keptAs {
		where := l.where(path) + extension
		f, err := l.in.Open(ctx, where, maxIndexPlain)
		switch {
		case fault.Is(err, fault.Missing):
		case err != nil:
			return packed{}, err
		default:
			return packed{f, extension, where}, nil
		}
	}
	if rel.files[path].Size == 0 {
		// apt does not keep empty lists.
		return packed{io.NopCloser(bytes.NewReader(nil)), "", l.where(path)}, nil
	}
	return packed{}, fault.New(fault.Missing, l.where(path), nil, "the list is missing in every form that can be read (plain, %s): %s", strings.Join(keptAs[1:], ", "), update)
}
