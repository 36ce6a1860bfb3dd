package fetch

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func packed(t testing.TB, texts ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, text := range texts {
		w, err := z.Create(fmt.Sprintf("../%d.json", i))
		require.NoError(t, err)
		_, err = w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func small(t testing.TB) *walk {
	w := newWalk(t.Context(), "*.json")
	w.unpacked, w.records, w.record = 1<<20, 100, 1<<16
	return w
}

func all(w *walk, data []byte) (records []Record, err error) {
	for r, err := range w.document(bytes.NewReader(data), int64(len(data))) {
		if err != nil {
			return records, err
		}
		r.Data = bytes.Clone(r.Data)
		records = append(records, r)
	}
	return records, nil
}

// What an enemy packs costs no more than the bounds (CAT-16).
func TestBounds_CAT16(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	records, err := all(small(t), packed(t, "a", long, long+"x", "b"))
	require.NoError(t, err)
	require.Len(t, records, 4)
	require.Equal(t, []string{"", "", "it has more than 65536 bytes", ""}, []string{records[0].Problem, records[1].Problem, records[2].Problem, records[3].Problem})
	require.Nil(t, records[2].Data)
	require.Equal(t, "3.json", records[3].Name, "the folder in its name means nothing")

	_, err = all(small(t), packed(t, strings.Split(strings.Repeat(long+" ", 17), " ")...))
	require.ErrorContains(t, err, "bytes together")
	_, err = all(small(t), packed(t, make([]string, 101)...))
	require.ErrorContains(t, err, "more than 1048576 records")
	_, err = all(small(t), []byte("["+strings.Repeat("0,", 100)+"0]"))
	require.ErrorContains(t, err, "more than 1048576 records")
	_, err = all(small(t), []byte(`["`+strings.Repeat("x", 1<<18)+`"]`))
	require.ErrorContains(t, err, "over the limit")

	b := &Budget{Left: 100, at: bytes.NewReader(make([]byte, 200))}
	_, err = zip.NewReader(b, 200)
	require.ErrorContains(t, err, "over the limit", "the list of an archive's files is bounded too")
}

func TestACallerMayStop(t *testing.T) {
	for range small(t).document(bytes.NewReader(packed(t, "a", "b")), int64(len(packed(t, "a", "b")))) {
		break
	}
}

func TestIsCVE(t *testing.T) {
	for id, want := range map[string]bool{"CVE-2026-1234": true, "CVE-2026-1234567": true, "CVE-2026-123": false, "cve-2026-1234": false,
		"2026-1234": false, "CVE-26-1234": false, "CVE-2026-1234-5": false, "CVE-2026-12 34": false, "": false} {
		require.Equal(t, want, IsCVE(id), id)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(packed(f, `{"a": 1}`, "b"))
	f.Add([]byte(`[{"a": 1}, 2, "c"]`))
	f.Add([]byte("[]"))
	f.Add(packed(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, _ := all(small(t), data)
		sum := 0
		for _, r := range records {
			sum += len(r.Data)
		}
		if len(records) > 100 || sum > 1<<20 && bytes.HasPrefix(data, []byte("PK")) {
			t.Fatalf("%d records of %d bytes", len(records), sum)
		}
	})
}
