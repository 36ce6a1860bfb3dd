package openpgp

import (
	"bytes"
	"crypto"
	"errors"
	"hash"
	"io"
	"slices"
)

// subject is a run of bytes that signatures cover. It is read once for all digests.
type subject struct {
	name      string // "file", "header"
	digests   []*digest
	ambiguous string // why programs differ in what it is; empty: they do not
}

type digest struct {
	algorithm crypto.Hash
	text      bool   // line ends as CR LF
	salt      string // hashed first: version 6
	state     hash.Hash
	last      byte // of a text: the last byte written
	stray     bool // of a text: there is a CR without LF, which programs read differently
	nul       bool // of a text: it has a NUL, so it is not a text
	buffer    []byte
}

// want returns the subject's digest of that kind. Ask for it before the first Write.
func (s *subject) want(algorithm crypto.Hash, text bool, salt []byte) *digest {
	i := slices.IndexFunc(s.digests, func(d *digest) bool {
		return d.algorithm == algorithm && d.text == text && d.salt == string(salt)
	})
	if i >= 0 {
		return s.digests[i]
	}
	d := &digest{algorithm: algorithm, text: text, salt: string(salt), state: algorithm.New()}
	d.state.Write(salt)
	s.digests = append(s.digests, d)
	return d
}

func (s *subject) Write(p []byte) (int, error) {
	for _, d := range s.digests {
		if d.text {
			d.writeText(p)
		} else {
			d.state.Write(p)
		}
	}
	return len(p), nil
}

// writeText writes a CR before each LF that has none.
func (d *digest) writeText(p []byte) {
	d.nul = d.nul || bytes.IndexByte(p, 0) >= 0
	d.buffer = d.buffer[:0]
	for len(p) > 0 {
		if d.last == '\r' && p[0] != '\n' {
			d.stray = true
		}
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		if i := bytes.IndexByte(line, '\r'); i >= 0 && i < len(line)-1 {
			d.stray = true
		}
		d.buffer = append(d.buffer, line...)
		if len(line) > 0 {
			d.last = line[len(line)-1]
		}
		if ended {
			if d.last != '\r' {
				d.buffer = append(d.buffer, '\r')
			}
			d.buffer = append(d.buffer, '\n')
			d.last = '\n'
		}
		p = rest
	}
	d.state.Write(d.buffer)
}

// ambiguous reports whether programs read the text differently.
func (d *digest) ambiguous() bool { return d.stray || d.last == '\r' }

// unreadable is an error of reading the file.
type unreadable struct{ err error }

func (e *unreadable) Error() string { return "the file cannot be read: " + e.err.Error() }
func (e *unreadable) Unwrap() error { return e.err }

var errShort = &unreadable{io.ErrUnexpectedEOF}

// feed writes n bytes of content from offset, and fails if there are fewer.
func feed(w io.Writer, content io.ReaderAt, offset, n int64) error {
	buffer := make([]byte, min(n, bufferSize))
	for ; n > 0; offset, n = offset+bufferSize, n-bufferSize {
		part := buffer[:min(n, bufferSize)]
		if err := readAt(content, part, offset); err != nil {
			return err
		}
		_, _ = w.Write(part) // which never fails
	}
	return nil
}

func readAt(content io.ReaderAt, p []byte, offset int64) error {
	n, err := content.ReadAt(p, offset)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return errShort
	default:
		return &unreadable{err}
	}
}
