package token_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestShapes(t *testing.T) {
	a, e := token.NewAdmin(), token.NewEnrolment()
	require.Regexp(t, "^ppa_[A-Z2-7]{26}$", a)
	require.Regexp(t, "^ppe_[A-Z2-7]{26}$", e)
	require.NotEqual(t, a, token.NewAdmin())
	require.NotEqual(t, e, token.NewEnrolment())
	require.Less(t, len(e), manifest.MaxToken)
	require.True(t, token.IsAdmin(a))
	require.True(t, token.IsAdmin("\n "+a+"\n"))
	require.False(t, token.IsAdmin(e))
	require.True(t, token.IsEnrolment(e))
	require.False(t, token.IsEnrolment(a))
	require.False(t, token.IsAdmin("") || token.IsEnrolment("drawn by somebody else"))
}
