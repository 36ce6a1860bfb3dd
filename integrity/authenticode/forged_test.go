package authenticode

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

func TestForgedGood(t *testing.T) {
	v := newVerifier(t, everybody().signer())
	for f, place := range places(10_000) {
		s := sealed(t, f, vendorForgery(), place)
		got := v.Verify(s, s.size, nil)
		require.Equal(t, integrity.Valid, got.Status, "%+v", got)
	}
}
