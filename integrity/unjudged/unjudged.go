package unjudged

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
)

var be, le = binary.BigEndian, binary.LittleEndian

// Verifier finds signatures that no verifier here judges. It is safe for
// concurrent use.
type Verifier struct{}

var _ integrity.SignatureVerifier = Verifier{}

// Verify looks for such a signature in the first size bytes of content.
// Signature files are ignored.
func (Verifier) Verify(content io.ReaderAt, size int64, _ []byte) integrity.Signature {
	f := &file{at: content, size: size}
	if content == nil || size < 0 {
		f.fail("there is no content to judge")
	}
	format := f.find()
	if format != "" && f.failed == "" {
		f.fail("the file carries a signature in the format %s, which nothing here judges", format)
	}
	if f.failed == "" {
		return integrity.Signature{Status: integrity.Absent}
	}
	return integrity.Signature{Status: integrity.Unsupported, Format: format, Detail: f.failed}
}

type file struct {
	at         io.ReaderAt
	size       int64
	head, tail []byte
	failed     string // why it is not found to be unsigned; after that nothing is read
}

// marks are tried in order: a file is signed if it has the mark and rest agrees.
var marks = []struct {
	format integrity.Format
	at     int // where the mark is; below zero: from the end
	mark   string
	rest   func(*file) bool // nil: the mark is enough
}{
	{"module", -28, "~Module signature appended~\n", nil},
	{"xap", -10, "XapS", nil},
	{"crx", 0, "Cr24", nil},
	{"mar", 0, "MAR1", func(f *file) bool {
		return len(f.head) >= 20 && be.Uint64(f.head[8:]) == uint64(f.size) && be.Uint32(f.head[16:]) > 0
	}},
	{"signify", 0, "untrusted comment: ", func(f *file) bool { // a public key has as many lines, and the second is shorter
		lines := bytes.SplitN(f.head, []byte("\n"), 3)
		return len(lines) > 1 && len(lines[1]) >= 100
	}},
	{"signify", 10, "untrusted comment: ", func(f *file) bool { return f.has(0, "\x1f\x8b\x08\x10") }},
	{"dmg", -512, "koly", func(f *file) bool { return be.Uint64(f.tail[len(f.tail)-512+304:]) > 0 }},
	{"script", 0, "", (*file).script},
	{"xml", 0, "", (*file).xml},
	{"xar", 0, "xar!", (*file).xar},
	{"macho", 0, "", func(f *file) bool { return f.macho(0) }},
	{"macho", 0, "\xca\xfe\xba\xbe", func(f *file) bool { return f.fat(20, 32) }},
	{"macho", 0, "\xca\xfe\xba\xbf", func(f *file) bool { return f.fat(32, 0) }},
	{"appimage", 8, "AI\x02", (*file).appImage},
	{"alpine", 0, "\x1f\x8b", (*file).alpine},
	{"catalog", 0, "", func(f *file) bool { return bytes.Contains(f.message(), []byte(oidTrustList)) }},
	{"cms", 0, "", func(f *file) bool { return f.message() != nil }},
}

// find returns the format of the first signature, or of what cannot be searched.
func (f *file) find() integrity.Format {
	f.head = f.bytes(0, min(f.size, maxHead))
	f.tail = f.bytes(max(0, f.size-maxTail), min(f.size, maxTail))
	if f.failed != "" {
		return ""
	}
	for _, m := range marks {
		if f.has(m.at, m.mark) && (m.rest == nil || m.rest(f)) || f.failed != "" {
			return m.format
		}
	}
	return f.archive()
}

// has reports whether the mark is at that place in the head or, below zero, in the tail.
func (f *file) has(at int, mark string) bool {
	part := f.head
	if at < 0 {
		part, at = f.tail, len(f.tail)+at
	}
	return at >= 0 && at <= len(part) && bytes.HasPrefix(part[at:], []byte(mark))
}

// bytes reads n bytes. It returns nil if the file has fewer or cannot be read.
func (f *file) bytes(off, n int64) []byte {
	if f.failed != "" || off < 0 || n < 0 || n > f.size || off > f.size-n {
		return nil
	}
	b := make([]byte, n)
	if got, err := f.at.ReadAt(b, off); got < len(b) {
		f.fail("the file cannot be read at byte %d: %v", off+int64(got), err)
		return nil
	}
	return b
}

func (f *file) fail(format string, args ...any) { f.failed = fmt.Sprintf(format, args...) }

// alpine inflates the first 512 bytes of a gzip file.
func (f *file) alpine() bool {
	z, err := gzip.NewReader(bytes.NewReader(f.head))
	if err != nil {
		return false
	}
	b := make([]byte, 512)
	n, _ := io.ReadFull(z, b)
	return bytes.HasPrefix(b[:n], []byte(".SIGN."))
}

// xar searches a xar's table of contents, which is XML.
func (f *file) xar() bool {
	if len(f.head) < 28 {
		return false
	}
	at, size := int64(be.Uint16(f.head[4:])), int64(be.Uint64(f.head[8:]))
	if size < 0 || size > f.size-at {
		f.fail("the xar's table of contents is cut off")
		return false
	}
	var text []byte
	table, err := zlib.NewReader(io.NewSectionReader(f.at, at, size))
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(table, maxTable+1))
	}
	switch {
	case bytes.Contains(text, []byte("<signature")) || bytes.Contains(text, []byte("<x-signature")):
		return true
	case len(text) > maxTable:
		f.fail("the xar's table of contents has more than %d bytes", maxTable)
	case err != nil:
		f.fail("the xar's table of contents cannot be read: %v", err)
	}
	return false
}
