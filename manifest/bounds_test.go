package manifest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// The bounds that both sides rely on do not change by accident.
func TestBoundsAreThoseOfTheBook_MAN5(t *testing.T) {
	for name, c := range map[string]struct{ have, want any }{
		"MaxSealed": {manifest.MaxSealed, 4_194_304}, "MaxOrders": {manifest.MaxOrders, 256}, "MaxReports": {manifest.MaxReports, 200},
		"MaxInstalled": {manifest.MaxInstalled, 100_000}, "MaxTags": {manifest.MaxTags, 100}, "MaxToken": {manifest.MaxToken, 512},
		"MaxWord": {manifest.MaxWord, 255}, "MaxLifetime": {manifest.MaxLifetime, 2160 * time.Hour},
		"Lifetime": {manifest.Lifetime, 168 * time.Hour}, "RenewBefore": {manifest.RenewBefore, 48 * time.Hour},
		"MaxSkew": {manifest.MaxSkew, 300 * time.Second}, "MaxNumber": {int64(manifest.MaxNumber), int64(9_007_199_254_740_992)},
		"Lead": {manifest.Lead, 180 * time.Minute}, "MaxPropagation": {manifest.MaxPropagation, 30 * time.Minute},
	} {
		require.EqualValues(t, c.want, c.have, name)
	}
}

// named signs and verifies with a key of another kind. Anyone could do it; only
// the name matters here.
type named string

func (n named) KeyID() string               { return string(n) }
func (n named) Sign([]byte) ([]byte, error) { return []byte(n), nil }
func (n named) KeyIDs() []string            { return []string{string(n)} }
func (n named) Verify(_ string, _, signature []byte) error {
	if string(signature) != string(n) {
		return errors.New("made by " + string(signature))
	}
	return nil
}

// A key of any kind seals and opens, whatever its id. Another key's manifest is
// refused, naming the id, clipped.
func TestKeysOfOtherKinds_MAN5(t *testing.T) {
	for _, key := range []named{"hsm:7", `odd "<name>&"`, named(strings.Repeat("k", 200)), named(strings.Repeat("k", 201))} {
		want := document(jobs(2)...)
		sealed, err := manifest.Seal(want, key)
		require.NoError(t, err)
		d, err := manifest.Open(sealed, key, asset, 7, "", t0)
		require.NoError(t, err)
		require.Equal(t, want, d)

		_, err = manifest.Open(sealed, pinned, asset, 7, "", t0)
		refused, ok := errors.AsType[*manifest.Refused](err)
		require.True(t, ok)
		require.Equal(t, manifest.BadSignature, refused.Reason)
		require.Equal(t, len(key) > 200, strings.Contains(refused.Have, "…"), refused.Have)
	}
}
