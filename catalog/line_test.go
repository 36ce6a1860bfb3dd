package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheEndOfALineIsAnInstant_CAT13(t *testing.T) {
	l := Line{Prefix: "2", EOL: noon, Extended: noon.AddDate(5, 0, 0)}
	require.False(t, l.Ended(noon.Add(-time.Nanosecond)))
	require.True(t, l.Ended(noon), "at the instant counts as past")
	require.True(t, l.Ended(noon.AddDate(1, 0, 0)), "extended support moves nothing (CAT-12)")
	require.False(t, Line{Prefix: "3", Extended: noon.AddDate(-5, 0, 0)}.Ended(noon), "no end is announced")
}
