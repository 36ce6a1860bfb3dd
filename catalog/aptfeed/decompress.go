package aptfeed

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
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

// maxWindow bounds the memory that unpacking one list may use, in bytes. The
// strongest usual settings use 64 MiB (xz -9) and 128 MiB (zstd --ultra -22).
const maxWindow = 128 << 20

// decompress unpacks by file extension.
func decompress(in io.Reader, extension string) (io.ReadCloser, error) {
	switch extension {
	case "":
		return io.NopCloser(in), nil
	case ".xz":
		r, err := xz.ReaderConfig{DictCap: maxWindow}.NewReader(in)
		return io.NopCloser(r), err
	case ".lzma":
		r, err := lzma.ReaderConfig{DictCap: maxWindow}.NewReader(in)
		return io.NopCloser(r), err
	case ".gz":
		r, err := newGzip(in)
		return io.NopCloser(r), err
	case ".bz2":
		return io.NopCloser(bzip2.NewReader(in)), nil
	case ".zst":
		r, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return r.IOReadCloser(), nil
	case ".lz4":
		return io.NopCloser(lz4.NewReader(in)), nil
	default:
		return nil, fmt.Errorf("the compression %q is not supported", extension)
	}
}

// gzipReader reads gzip streams and, like zlib, ends where no further stream
// follows: some vendors pad with zero bytes.
type gzipReader struct {
	in *bufio.Reader
	z  *gzip.Reader
}

func newGzip(in io.Reader) (*gzipReader, error) {
	g := &gzipReader{in: bufio.NewReader(in)}
	var err error
	if g.z, err = gzip.NewReader(g.in); err != nil {
		return nil, err
	}
	g.z.Multistream(false)
	return g, nil
}

func (g *gzipReader) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	if err != io.EOF {
		return n, err
	}
	if magic, _ := g.in.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return n, io.EOF
	}
	if err := g.z.Reset(g.in); err != nil {
		return n, err
	}
	g.z.Multistream(false)
	return n, nil
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
