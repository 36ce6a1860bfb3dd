package authenticode

import (
	"bytes"
	"errors"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// layout says where a file's signatures are, and what they cover.
type layout struct {
	format     integrity.Format
	signatures [][]byte // at least one, each with the padding after it

	// digested writes what a signature covers, reading the file once. Its error is a
	// *cms.Refusal.
	digested func(io.Writer) error

	// With MsiDigitalSignatureEx, a digest of the metadata comes before the content, and the
	// stream holds that digest. Otherwise both are nil.
	metadata       []byte
	metadataDigest []byte
}

type source struct {
	at   io.ReaderAt
	size int64
}

var errAbsent = &cms.Refusal{Status: integrity.Absent}

// errCut means that the file ends before its own structure does.
var errCut = errors.New("the file is cut off")

// bytes reads n bytes. The error is errCut if the file has fewer, or a *cms.Refusal if it cannot
// be read.
func (s source) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || n > s.size || off > s.size-n {
		return nil, errCut
	}
	b := make([]byte, n)
	return b, s.fill(b, off)
}

// fill reads len(b) bytes, which must be within the file's size.
func (s source) fill(b []byte, off int64) error {
	if n, err := s.at.ReadAt(b, off); n < len(b) {
		return cms.Unsupported("the file cannot be read at byte %d: %v", off+int64(n), err)
	}
	return nil
}

// blockSize is how many bytes are read and digested at once.
const blockSize = 128 << 10

// span is a part of a file, without the byte at end.
type span struct{ off, end int64 }

// spans returns a layout's digested for consecutive parts of the file.
func (s source) spans(parts ...span) func(io.Writer) error {
	return func(w io.Writer) error {
		block := make([]byte, blockSize)
		for _, p := range parts {
			for p.off < p.end {
				b := block[:min(blockSize, p.end-p.off)]
				if err := s.fill(b, p.off); err != nil {
					return err
				}
				w.Write(b)
				p.off += int64(len(b))
			}
		}
		return nil
	}
}

var (
	magicDOS      = []byte("MZ")
	magicCabinet  = []byte("MSCF")
	magicCompound = []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
)

// open reads a file's structure. The error is a *cms.Refusal. If it is absent, the layout's
// format is zero unless the file is of one of the three.
func open(content io.ReaderAt, size int64) (*layout, error) {
	if content == nil || size < 0 {
		return &layout{}, cms.Unsupported("there is no content to judge")
	}
	s := source{content, size}
	magic, err := s.bytes(0, min(size, int64(len(magicCompound))))
	if err != nil {
		return &layout{}, err
	}
	var f *layout
	switch {
	case bytes.HasPrefix(magic, magicDOS):
		f, err = openPE(s)
	case bytes.HasPrefix(magic, magicCabinet):
		f, err = openCAB(s)
	case bytes.HasPrefix(magic, magicCompound):
		f, err = openMSI(s)
	default:
		return &layout{}, errAbsent
	}
	if errors.Is(err, errCut) {
		err = cms.Unsupported("the file is not a well-formed %s: it is cut off", f.format)
	}
	return f, err
}
