package unjudged

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Verifier finds signatures that nothing here judges. It is safe for concurrent use.
type Verifier struct{}

var _ integrity.SignatureVerifier = Verifier{}

// Verify says whether the first size bytes of content carry such a signature. A signature file is ignored.
func (Verifier) Verify(content io.ReaderAt, size int64, _ []byte) integrity.Signature {
	format, err := find(content, size)
	switch {
	case err != nil:
		return integrity.Signature{Status: integrity.Unsupported, Format: format, Detail: err.Error()}
	case format != "":
		return integrity.Signature{Status: integrity.Unsupported, Format: format, Detail: fmt.Sprintf("the file carries a signature in the format %s, which nothing here judges", format)}
	}
	return integrity.Signature{Status: integrity.Absent}
}

// file is a file with what its ends say.
type file struct {
	at         io.ReaderAt
	size       int64
	head, tail []byte
}

// errCut says that a structure names a place that the file does not have: it is none of these after all.
var errCut = errors.New("the file is cut off")

// looks are asked in turn; the first that finds something, or that cannot tell, decides.
var looks = []func(*file) (integrity.Format, error){
	(*file).magic, (*file).archive, (*file).script, (*file).xar, (*file).macho, (*file).appImage, (*file).compressed, (*file).cms,
}

func find(content io.ReaderAt, size int64) (integrity.Format, error) {
	if content == nil || size < 0 {
		return "", errors.New("there is no content to judge")
	}
	f := &file{at: content, size: size}
	var err error
	if f.head, err = f.bytes(0, min(size, maxHead)); err == nil {
		f.tail, err = f.bytes(max(0, size-maxTail), min(size, maxTail))
	}
	for _, look := range looks {
		if err != nil {
			return "", err
		}
		var format integrity.Format
		if format, err = look(f); format != "" || err != nil && !errors.Is(err, errCut) {
			return format, err
		}
		err = nil
	}
	return "", err
}

// bytes reads n bytes. The error is errCut if the file has fewer.
func (f *file) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || n > f.size || off > f.size-n {
		return nil, errCut
	}
	b := make([]byte, n)
	if got, err := f.at.ReadAt(b, off); got < len(b) {
		return nil, fmt.Errorf("the file cannot be read at byte %d: %v", off+int64(got), err)
	}
	return b, nil
}

// begins tells whether the file begins with one of the marks.
func (f *file) begins(marks ...string) bool {
	for _, m := range marks {
		if bytes.HasPrefix(f.head, []byte(m)) {
			return true
		}
	}
	return false
}
