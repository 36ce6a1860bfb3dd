package catalog

import (
	"encoding"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

type named1[T any] interface {
	*T
	encoding.TextUnmarshaler
}

func checkNames[T interface {
	~uint8
	fmt.Stringer
	encoding.TextMarshaler
}, P named1[T]](t *testing.T, all []T, parse func(string) (T, error)) {
	t.Helper()
	seen := map[string]bool{}
	for _, v := range all {
		require.NotContains(t, v.String(), "(", "value %d has no name", uint8(v))
		require.False(t, seen[v.String()], "%s names two values", v)
		seen[v.String()] = true
		parsed, err := parse(v.String())
		require.NoError(t, err)
		require.Equal(t, v, parsed)
		text, err := v.MarshalText()
		require.NoError(t, err)
		var back T
		require.NoError(t, P(&back).UnmarshalText(text))
		require.Equal(t, v, back)
	}
	_, err := parse("nonsense")
	var unknown *enum.UnknownError
	require.True(t, errors.As(err, &unknown))
	require.Len(t, unknown.Want, len(all))

	zero := T(0)
	text, err := zero.MarshalText()
	require.NoError(t, err)
	require.Empty(t, text)
	back := all[0]
	require.NoError(t, P(&back).UnmarshalText(nil))
	require.Zero(t, back)
	require.Error(t, P(&back).UnmarshalText([]byte("nonsense")))
	_, err = T(200).MarshalText()
	require.Error(t, err)
	require.True(t, strings.HasSuffix(T(200).String(), "(200)"))
}

func TestNames(t *testing.T) {
	checkNames[Platform](t, Platforms(), ParsePlatform)
	checkNames[Availability](t, Availabilities(), ParseAvailability)
	checkNames[Severity](t, Severities(), ParseSeverity)
	checkNames[Lifecycle](t, Lifecycles(), ParseLifecycle)
	checkNames[ReasonCode](t, ReasonCodes(), ParseReasonCode)
}

func TestReasonCodes_CAT15(t *testing.T) {
	blocking := true
	for i, c := range ReasonCodes() {
		require.Regexp(t, `^(CAT|JOB)-\d+$`, c.Rule())
		require.Equal(t, c < Upgrade, c.Blocks())
		blocking = blocking && c.Blocks()
		require.Equal(t, blocking, c.Blocks(), "the blocking codes come first")
		if i > 0 {
			require.Less(t, ReasonCodes()[i-1], c)
		}
	}
	require.Len(t, ReasonCodes(), int(DependencyUnmet)+int(FeedFailing-Upgrade)+1)
	require.True(t, ReasonCode(0).Blocks())
	require.True(t, ReasonCode(99).Blocks(), "what nobody knows does not pass")
}
