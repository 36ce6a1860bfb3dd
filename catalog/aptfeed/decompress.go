package aptfeed

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// extensions of package lists: those that are fetched, the smallest first, and those that apt keeps on disk.
var (
	fetchedAs = []string{".xz", ".gz", ""}
	keptAs    = []string{"", ".lz4", ".gz", ".xz"}
)

// decompress unpacks by file extension.
func decompress(in io.Reader, extension string) (io.Reader, error) {
	switch extension {
	case "":
		return in, nil
	case ".xz":
		return xz.NewReader(in)
	case ".gz":
		return gzip.NewReader(in)
	case ".lz4":
		return lz4.NewReader(in), nil
	default:
		return nil, fmt.Errorf("the compression %q is not supported", extension)
	}
}

// errTooLong is returned by a summing reader at the first byte past its limit.
var errTooLong = errors.New("it is longer unpacked than allowed")

// summing digests what is read through it, and stops at the limit: what unpacks to more is a decompression bomb, or simply
// not the file that was promised.
type summing struct {
	in    io.Reader
	limit int64
	size  int64
	hash  hash.Hash
}

func newSumming(in io.Reader, limit int64) *summing {
	return &summing{in: in, limit: limit, hash: sha256.New()}
}

func (s *summing) Read(p []byte) (int, error) {
	if room := s.limit + 1 - s.size; int64(len(p)) > room {
		p = p[:room]
	}
	n, err := s.in.Read(p)
	s.size += int64(n)
	if s.size > s.limit {
		return 0, errTooLong
	}
	s.hash.Write(p[:n])
	return n, err
}

// sum is what was read so far.
func (s *summing) sum() fileSum {
	return fileSum{s.size, hex.EncodeToString(s.hash.Sum(nil))}
}
