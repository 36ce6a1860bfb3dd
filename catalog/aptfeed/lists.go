package aptfeed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// lists is a directory of lists that apt has downloaded. It is only read:
// nothing is written, locked or fetched.
type lists struct {
	source source
	dir    string
	in     system
}

const update = "run \"apt-get update\""

func (l *lists) signed(ctx context.Context, last signedRelease) (signedRelease, error) {
	where := l.file("InRelease")
	text, err := l.in.readFile(ctx, where, maxInRelease)
	if !is(err, Missing) {
		return signedRelease{text: text, where: where}, err
	}
	text, err = l.in.readFile(ctx, l.file("Release"), maxInRelease)
	if is(err, Missing) {
		return signedRelease{}, fail(Missing, where, nil, "apt has not downloaded this suite: %s", update)
	}
	if err != nil {
		return signedRelease{}, err
	}
	signature, err := l.in.readFile(ctx, l.file("Release.gpg"), maxInRelease)
	if err != nil {
		return signedRelease{}, fail(Unsigned, l.file("Release"), err, "its signature file is missing")
	}
	return signedRelease{text: text, detached: append([]byte{}, signature...), where: l.file("Release")}, nil
}

func (l *lists) open(ctx context.Context, path string, rel release) (packed, error) {
	if _, known := rel.files[path]; !known {
		return packed{}, fail(Unsupported, l.file(path), nil, "the Release file has only digests of the packed forms, and apt repacks what it keeps")
	}
	for _, extension := range keptAs {
		where := l.file(path) + extension
		root, name := l.in.in(where)
		f, _, err := inroot.OpenContext(ctx, root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return packed{}, fail(Unreachable, where, err, "it cannot be read")
		}
		return packed{f, extension, where}, nil
	}
	if rel.files[path].size == 0 {
		// apt does not keep empty lists.
		return packed{io.NopCloser(bytes.NewReader(nil)), "", l.file(path)}, nil
	}
	return packed{}, fail(Missing, l.file(path), nil, "the list is missing in every form that can be read (plain, %s): %s", strings.Join(keptAs[1:], ", "), update)
}

// file returns where apt keeps the file of that path.
func (l *lists) file(path string) string { return filepath.Join(l.dir, l.source.listName(path)) }
