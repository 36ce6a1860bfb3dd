package repository

import (
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// maxWindow is the bytes of memory to unpack one file: xz -9 needs 64 MiB, zstd
// --ultra -22 needs 128.
const maxWindow = 128 << 20

// Decompress unpacks a file by its extension, like ".xz". Empty: it is not
// packed.
func Decompress(in io.Reader, extension string) (io.Reader, error) {
	switch extension {
	case "":
		return in, nil
	case ".xz":
		return xz.NewReader(in, maxWindow)
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

// promised reads the plain list, of the size that the signed file promises.
// Bytes after it do not count. tooLong is set if they are more of the list.
type promised struct {
	ctx     context.Context // reading ends with it: to unpack a bomb takes minutes
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
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if r.left == 0 {
		err = nil
	}
	return n, err
}

// FileSum is what a signed file promises of another one.
type FileSum struct {
	Size   int64
	Digest integrity.Digest
}

// Of returns the sum of some data, with the same algorithm.
func (s FileSum) Of(data []byte) FileSum {
	hash := s.Digest.Algorithm.Hash().New()
	hash.Write(data)
	return FileSum{int64(len(data)), integrity.Digest{Algorithm: s.Digest.Algorithm, Sum: hex.EncodeToString(hash.Sum(nil))}}
}

// Sum returns the size and SHA-256 of some data.
func Sum(data []byte) FileSum {
	return FileSum{Digest: integrity.Digest{Algorithm: integrity.SHA256}}.Of(data)
}

// Checked returns what a fetch returned if it is the file that by, like
// "the Release file", promises.
func Checked(data []byte, err error, where, by string, sum FileSum) ([]byte, error) {
	switch {
	case fault.Is(err, fault.TooLarge):
		return nil, fault.New(fault.Mismatch, where, nil, "it is longer than the %d bytes that %s promises", sum.Size, by)
	case err != nil:
		return nil, err
	}
	if got := sum.Of(data); got != sum {
		return nil, fault.New(fault.Mismatch, where, nil, "it has %d bytes with %s, and %s promises %d with %s: somebody changed it, or the mirror is being updated", got.Size, got.Digest, by, sum.Size, sum.Digest)
	}
	return data, nil
}

// Packed is a file that is perhaps packed.
type Packed struct {
	In        io.Reader
	Extension string // as [Decompress] takes it
	Where     string
}

// Unpack lets read have the plain file, and checks it against what by promises.
// If plain has no digest, nothing is promised and its size is only a bound.
// Errors are a *fault.Error.
func (p Packed) Unpack(ctx context.Context, plain FileSum, by string, read func(io.Reader) error) error {
	unpacked, err := Decompress(p.In, p.Extension)
	if err != nil {
		return fault.New(fault.Malformed, p.Where, err, "it cannot be unpacked")
	}
	known := plain.Digest != integrity.Digest{}
	if !known {
		plain.Digest.Algorithm = integrity.SHA256
	}
	// What unpacks to more is a decompression bomb, or simply not the promised
	// file.
	bounded, hash := &promised{ctx: ctx, in: unpacked, left: plain.Size}, plain.Digest.Algorithm.Hash().New()
	err = read(io.TeeReader(bounded, hash))
	got := FileSum{plain.Size - bounded.left, integrity.Digest{Algorithm: plain.Digest.Algorithm, Sum: hex.EncodeToString(hash.Sum(nil))}}
	switch {
	case ctx.Err() != nil:
		return fault.New(fault.Unreachable, p.Where, ctx.Err(), "it was not read to its end")
	case bounded.tooLong && known:
		return fault.New(fault.Mismatch, p.Where, nil, "it unpacks to more than the %d bytes that %s promises", plain.Size, by)
	case bounded.tooLong:
		return fault.New(fault.TooLarge, p.Where, nil, "it unpacks to more than %d bytes", plain.Size)
	case fault.Any(err):
		return err
	case err != nil:
		return fault.New(fault.Malformed, p.Where, err, "it cannot be unpacked")
	case known && got != plain:
		return fault.New(fault.Mismatch, p.Where, nil, "it unpacks to %d bytes with %s, and %s promises %d with %s", got.Size, got.Digest, by, plain.Size, plain.Digest)
	}
	return nil
}
