package serve

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/manifest"
)

func newestOf(t *testing.T, f Files) (Keys, manifest.Trust) {
	k, err := f.ReadKeys()
	require.NoError(t, err)
	newest, err := k.Trust.Newest()
	require.NoError(t, err)
	require.Contains(t, manifest.Keys(newest.Manifest).KeyIDs(), k.Signer.KeyID(), "the server signs with what agents believe")
	require.Equal(t, newest.Exchange, k.Exchange[0].PublicKey().Bytes())
	return k, newest
}

// The root key rotates the manifest key, and also the exchange key, the root
// keys and the expiry of the document.
func TestRotate_MAN13(t *testing.T) {
	f, _, err := Init(t.TempDir(), 1, 1)
	require.NoError(t, err)
	before, first := newestOf(t, f)

	require.NoError(t, f.Rotate(Rotation{Manifest: true}))
	version, err := f.Sign([]string{f.Root(1)})
	require.NoError(t, err)
	require.EqualValues(t, 2, version)
	k, second := newestOf(t, f)
	require.NotEqual(t, before.Signer.KeyID(), k.Signer.KeyID())
	require.Equal(t, first.Exchange, second.Exchange)
	_, err = f.Sign([]string{f.Root(1)})
	require.ErrorContains(t, err, "no version of the trust document is prepared")

	require.NoError(t, f.Rotate(Rotation{Exchange: true, Lifetime: time.Hour}))
	_, err = f.Sign([]string{f.Root(1)})
	require.NoError(t, err)
	k, third := newestOf(t, f)
	require.Len(t, k.Exchange, 2, "the old one is kept for agents that have not heard of the new one")
	require.Equal(t, second.Manifest, third.Manifest)
	require.Equal(t, time.Hour, third.Expires.Sub(third.Issued))
	require.FileExists(t, f.Root(1))
}

// With several root keys, each holder signs elsewhere. The keys in use change
// when enough have signed.
func TestRotateByThreshold_MAN13(t *testing.T) {
	f, _, err := Init(t.TempDir(), 3, 2)
	require.NoError(t, err)
	before, _ := newestOf(t, f)
	require.NoError(t, f.Rotate(Rotation{Manifest: true, Roots: 2}))
	_, err = f.Sign([]string{f.Root(3)})
	require.ErrorContains(t, err, "1 good signatures")
	_, err = f.Sign([]string{f.Root(3)})
	require.ErrorContains(t, err, "1 good signatures", "the same holder twice")
	same, _ := newestOf(t, f)
	require.Equal(t, before.Signer.KeyID(), same.Signer.KeyID(), "nothing is in effect yet")
	_, err = f.Sign([]string{f.Root(1)})
	require.NoError(t, err)
	_, second := newestOf(t, f)
	require.Equal(t, 2, second.Threshold)

	require.NoError(t, f.Rotate(Rotation{Manifest: true}))
	_, err = f.Sign([]string{f.Root(1), f.Root(2), f.Root(3)})
	require.Error(t, err, "the old root keys no longer count")
	_, err = f.Sign([]string{f.Root(4), f.Root(5)})
	require.NoError(t, err)
	_, third := newestOf(t, f)
	require.EqualValues(t, 3, third.Version)
}

// After a crash between any two steps, the next Sign or Rotate leaves keys that fit together.
func TestRotationCutOff_MAN13(t *testing.T) {
	f, _, err := Init(t.TempDir(), 1, 1)
	require.NoError(t, err)
	require.NoError(t, f.Rotate(Rotation{Manifest: true}))
	next, err := os.ReadFile(f.Key + pending)
	require.NoError(t, err)
	prepared, err := os.ReadFile(f.Trust + pending)
	require.NoError(t, err)
	_, err = f.Sign([]string{f.Root(1)})
	require.NoError(t, err)

	// As if it had stopped after writing the new version, before it put the key in place.
	require.NoError(t, os.Rename(f.Key, f.Key+pending))
	require.NoError(t, os.WriteFile(f.Trust+pending, prepared, 0o600))
	_, err = f.Sign([]string{f.Root(1)})
	require.NoError(t, err)
	k, newest := newestOf(t, f)
	require.EqualValues(t, 2, newest.Version)
	now, err := os.ReadFile(f.Key)
	require.NoError(t, err)
	require.Equal(t, string(next), string(now))
	require.NoFileExists(t, f.Trust+pending)
	require.Len(t, k.Trust, 2)

	require.NoError(t, f.Rotate(Rotation{Manifest: true}), "prepared, and given up for another")
	require.NoError(t, f.Rotate(Rotation{Manifest: true, Exchange: true}))
	_, err = f.Sign([]string{f.Root(1)})
	require.NoError(t, err)
	_, newest = newestOf(t, f)
	require.EqualValues(t, 3, newest.Version)
}
