package integrity

import (
	"encoding"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// enumType is what every enum of the package offers.
type enumType interface {
	comparable
	fmt.Stringer
	encoding.TextMarshaler
}

func testEnum[E enumType](t *testing.T, all []E, parse func(string) (E, error), unmarshal func(*E, []byte) error, unknown E) {
	t.Helper()
	require.NotEmpty(t, all)
	names := map[string]bool{}
	for _, e := range all {
		require.False(t, names[e.String()], "%s names two values", e)
		names[e.String()] = true
		back, err := parse(e.String())
		require.NoError(t, err)
		require.Equal(t, e, back)
		text, err := e.MarshalText()
		require.NoError(t, err)
		var u E
		require.NoError(t, unmarshal(&u, text))
		require.Equal(t, e, u)
	}
	_, err := parse("no such name")
	require.Error(t, err)
	_, err = unknown.MarshalText()
	require.Error(t, err)
	require.Contains(t, unknown.String(), "(200)")
	u := all[0]
	require.Error(t, unmarshal(&u, []byte("no such name")))
	require.Equal(t, all[0], u)
}

func TestEnums(t *testing.T) {
	testEnum(t, Algorithms(), ParseAlgorithm, (*Algorithm).UnmarshalText, 200)
	testEnum(t, Statuses(), ParseStatus, (*Status).UnmarshalText, 200)
	testEnum(t, Reasons(), ParseReason, (*Reason).UnmarshalText, 200)
	testEnum(t, Checksums(), ParseChecksum, (*Checksum).UnmarshalText, 200)
}
