package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func FuzzKey(f *testing.F) {
	f.Add("a", "b", "a", "")
	f.Add("a\x00", "b", "a", "\x00\x01")
	f.Add("", "\xff", "\x00\xff", "\x01")
	f.Fuzz(func(t *testing.T, a1, a2, b1, b2 string) {
		a, b := []string{a1, a2}, []string{b1, b2}
		got, err := parts(key(a...))
		require.NoError(t, err)
		require.Equal(t, a, got)
		require.Equal(t, slices.Compare(a, b), strings.Compare(key(a...), key(b...)), "keys compare as the lists of parts do")
		prefix := key(a1)
		require.True(t, prefix <= key(a...) && key(a...) < after(prefix))
		if a1 != b1 {
			require.False(t, prefix <= key(b...) && key(b...) < after(prefix), "no other part is in the range of a prefix")
		}
	})
}

func FuzzParts(f *testing.F) {
	f.Add("a\x00\x01")
	f.Add("a\x00")
	f.Add("\x00\xff\x00\x01\x00")
	f.Fuzz(func(t *testing.T, k string) {
		if got, err := parts(k); err == nil {
			require.Equal(t, k, key(got...), "what can be read was written so")
		}
	})
}

func FuzzTimes(f *testing.F) {
	f.Add(int64(0), int64(1))
	f.Add(int64(-1), int64(1))
	f.Add(int64(1<<53), int64(-1<<53))
	f.Fuzz(func(t *testing.T, a, b int64) {
		x, y := time.UnixMicro(a).UTC(), time.UnixMicro(b).UTC()
		require.Equal(t, x.Compare(y), strings.Compare(risingTime(x), risingTime(y)))
		require.Equal(t, y.Compare(x), strings.Compare(fallingTime(x), fallingTime(y)))
		back, err := parseRising(risingTime(x))
		require.NoError(t, err)
		require.True(t, back.Equal(x))
	})
}

func TestPartsRefuses(t *testing.T) {
	for _, k := range []string{"a", "\x00", "\x00\x02", "a\x00\x01b", "\x00\xff"} {
		_, err := parts(k)
		require.Error(t, err, "%q", k)
	}
	for _, part := range []string{"", "zz", "000000000000000", "00000000000000000", "-000000000000001"} {
		_, err := parseRising(part)
		require.Error(t, err, "%q", part)
	}
}
