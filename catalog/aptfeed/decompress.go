package aptfeed

import (
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// Extensions of package lists: those that are fetched, the smallest first, and
// those that apt keeps on disk.
var (
	fetchedAs = []string{".xz", ".zst", ".gz", ".bz2", ".lzma", ""}
	keptAs    = []string{"", ".lz4", ".gz", ".xz", ".zst", ".bz2", ".lzma"}
)

func decompress(in io.Reader, extension string) (io.Reader, error) {
	switch extension {
	case "":
		return in, nil
	case ".xz":
		return xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(in) // the least; the list's header asks for what it needs
	case ".lzma":
		return lzma.ReaderConfig{DictCap: maxWindow}.NewReader(in)
	case ".gz":
		r, err := gzip.NewReader(in)
		return unpadded{r}, err
	case ".bz2":
		return bzip2.NewReader(in), nil
	case ".zst":
		return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow)) // 1: it needs no Close
	case ".lz4":
		return lz4.NewReader(in), nil
	default:
		return nil, fmt.Errorf("the compression %q is not supported", extension)
	}
}

// unpadded reads gzip streams and, like zlib, ends where no further stream
// follows: some vendors pad with zero bytes.
type unpadded struct{ in io.Reader }

func (r unpadded) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if errors.Is(err, gzip.ErrHeader) {
		err = io.EOF
	}
	return n, err
}

// promised reads the plain list, of the size that the Release file promises.
// Bytes after it do not count. tooLong is set if they are more of the list.
type promised struct {
	in      io.Reader
	left    int64
	tooLong bool
}

func (r *promised) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.left == 0 {
		n, _ := io.ReadFull(r.in, p[:1])
		r.tooLong = n > 0
		return 0, io.EOF
	}
	n, err := r.in.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if r.left == 0 {
		err = nil
	}
	return n, err
}
