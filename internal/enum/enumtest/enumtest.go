// Package enumtest checks types made with package enum.
package enumtest

import (
	"encoding"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Enum is what every such type has.
type Enum interface {
	~uint8
	fmt.Stringer
	encoding.TextMarshaler
}

// Check wants the type to have exactly these names, all in the same order. Each
// value must be read back from its text, and everything else refused. Files and
// the wire carry the names, so a test spells them out: none changes by
// accident.
func Check[E Enum, P interface {
	*E
	encoding.TextUnmarshaler
}](t *testing.T, names map[E]string, all []E, parse func(string) (E, error)) {
	t.Helper()
	require.Len(t, all, len(names))
	require.True(t, slices.IsSorted(all), "in order")
	for _, e := range all {
		require.Equal(t, names[e], e.String())
		parsed, err := parse(names[e])
		require.NoError(t, err)
		require.Equal(t, e, parsed)
		text, err := e.MarshalText()
		require.NoError(t, err)
		require.Equal(t, names[e], string(text))
		var back E
		require.NoError(t, P(&back).UnmarshalText(text))
		require.Equal(t, e, back)
	}

	text, err := E(0).MarshalText()
	require.NoError(t, err)
	require.Empty(t, text, "zero is not set")
	back := all[0]
	require.NoError(t, P(&back).UnmarshalText(nil))
	require.Zero(t, back)

	_, err = E(200).MarshalText()
	require.Error(t, err)
	require.Contains(t, E(200).String(), "(200)")
	_, err = parse("")
	require.Error(t, err)
	_, err = parse("no such name")
	var unknown *enum.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.Len(t, unknown.Want, len(names))
	back = all[0]
	require.ErrorAs(t, P(&back).UnmarshalText([]byte("no such name")), &unknown)
	require.Equal(t, all[0], back, "what is refused changes nothing")
}
