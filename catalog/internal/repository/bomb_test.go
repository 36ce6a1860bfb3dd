package repository

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
)

const bombSize = 1 << 20

// bombs are zero bytes, packed.
func bombs(t *testing.T) map[string][]byte {
	all := map[string][]byte{}
	pack := func(extension string, make func(w io.Writer) (io.WriteCloser, error)) {
		var out bytes.Buffer
		w, err := make(&out)
		require.NoError(t, err)
		_, err = w.Write(bytes.Repeat([]byte{0}, bombSize))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		all[extension] = out.Bytes()
	}
	pack(".gz", func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
	pack(".zst", func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
	pack(".lz4", func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil })
	pack(".xz", func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{DictCap: 1 << 16}.NewWriter(w) })
	pack(".lzma", func(w io.Writer) (io.WriteCloser, error) { return lzma.WriterConfig{DictCap: 1 << 16}.NewWriter(w) })
	var err error // 64 MiB: nothing here packs bzip2
	all[".bz2"], err = base64.StdEncoding.DecodeString("QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZvAS1wwCidcAAwAAACCAAIKQINjKKiE0qKiE4u5IpwoSFALuD6A==")
	require.NoError(t, err)
	return all
}

// Of a decompression bomb no more is read than its signed file promises, or
// than is allowed, and nothing once the caller gave up.
func TestBombs_CAT16(t *testing.T) {
	for extension, data := range bombs(t) {
		read := 0
		count := func(in io.Reader) error {
			n, err := io.Copy(io.Discard, in)
			read = int(n)
			return err
		}
		unpack := func(ctx context.Context, plain FileSum) error {
			return Packed{In: bytes.NewReader(data), Extension: extension, Where: "bomb"}.Unpack(ctx, plain, "a test", count)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const limit = 100_000
		require.True(t, fault.Is(unpack(t.Context(), FileSum{Size: limit}), fault.TooLarge), extension)
		require.Equal(t, limit, read, extension)
		promised := Sum(nil)
		promised.Size = limit
		require.True(t, fault.Is(unpack(t.Context(), promised), fault.Mismatch), extension)
		require.Equal(t, limit, read, extension)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := unpack(ctx, FileSum{Size: 1 << 40})
		require.ErrorIs(t, err, context.Canceled, extension)
		require.True(t, fault.Is(err, fault.Unreachable), extension)
		require.Zero(t, read, extension)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), extension)

		// It is cut off wherever it is, also between two blocks.
		for i := 1; i < 8; i++ { // an empty file is an empty list to some
			data := data[:i*len(data)/8]
			err := Packed{In: bytes.NewReader(data), Extension: extension, Where: "bomb"}.Unpack(t.Context(), FileSum{Size: 1 << 40}, "a test", count)
			require.Error(t, err, "%s cut off after %d bytes", extension, len(data))
		}
	}
}
