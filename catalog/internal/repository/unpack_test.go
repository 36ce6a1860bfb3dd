package repository

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

const list = "Package: hare\nVersion: 1\n"

func xzOf(t *testing.T) []byte {
	var out bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 20}.NewWriter(&out)
	require.NoError(t, err)
	_, err = io.WriteString(w, list)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// asking returns an xz file whose block asks for a window: 40 is 4 GiB, and
// each two less are half of it.
func asking(t *testing.T, window byte) []byte {
	file := xzOf(t)
	block := file[12:]
	size := 4 * (int(block[0]) + 1)
	require.Equal(t, []byte{0x21, 1}, block[2:4], "LZMA2 with one byte of properties")
	block[4] = window
	binary.LittleEndian.PutUint32(block[size-4:], crc32.ChecksumIEEE(block[:size-4]))
	return file
}

// What a file asks for is bounded, whatever it unpacks to: it is read before
// its digest is known.
func TestMemoryIsBounded_CAT16(t *testing.T) {
	var plain bytes.Buffer
	w, err := lzma.NewWriter(&plain)
	require.NoError(t, err)
	_, err = io.WriteString(w, list)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	huge := bytes.Clone(plain.Bytes())
	binary.LittleEndian.PutUint32(huge[1:], 1<<32-1)
	for name, c := range map[string]struct {
		extension string
		file      []byte
		good      bool
	}{
		"xz":                     {".xz", xzOf(t), true},
		"xz, two streams":        {".xz", append(xzOf(t), xzOf(t)...), true},
		"xz as -9 makes it":      {".xz", asking(t, 28), true},
		"xz of 192 MiB":          {".xz", asking(t, 31), false},
		"xz of 4 GiB":            {".xz", asking(t, 40), false},
		"xz of 4 GiB, at last":   {".xz", append(xzOf(t), asking(t, 40)...), false},
		"lzma":                   {".lzma", plain.Bytes(), true},
		"lzma of 4 GiB":          {".lzma", huge, false},
		"lzma without a header":  {".lzma", huge[:5], false},
		"xz without a header":    {".xz", xzOf(t)[:5], false},
		"xz that is cut off":     {".xz", xzOf(t)[:40], false},
		"xz of an empty content": {".xz", nil, false},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := Decompress(bytes.NewReader(c.file), c.extension)
		var text []byte
		if err == nil {
			text, err = io.ReadAll(r)
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2*maxWindow), name)
		if c.good {
			require.NoError(t, err, name)
			require.Contains(t, string(text), list, name)
		} else {
			require.Error(t, err, name)
		}
	}
}
