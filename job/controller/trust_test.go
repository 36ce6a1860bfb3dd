package controller_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// trusted are settings with a chain of trust documents, each with a manifest
// key of its own; the exchange key stays.
func trusted(t testing.TB, versions int) controller.Config {
	exchange, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	c := config()
	c.Exchange = []*ecdh.PrivateKey{exchange}
	root := manifest.NewSigner(key)
	trust := manifest.NewTrust(manifest.Ed25519(key.Public().(ed25519.PublicKey)), manifest.PublicKey{}, exchange.PublicKey().Bytes(), start)
	for i := range versions {
		signing := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, ed25519.SeedSize))
		c.Signer = manifest.NewSigner(signing)
		trust.Version, trust.Manifest = uint64(i+1), []manifest.PublicKey{manifest.Ed25519(signing.Public().(ed25519.PublicKey))}
		sealed, err := manifest.SealTrust(trust, root)
		require.NoError(t, err)
		c.Trust = append(c.Trust, sealed)
	}
	return c
}

// The keys that a server signs and authenticates with are those that its trust document names.
func TestKeysFitTheTrustDocument_MAN13(t *testing.T) {
	good := trusted(t, 3)
	require.NoError(t, good.Validate())
	for name, c := range map[string]struct {
		want  string
		spoil func(*controller.Config)
	}{
		"the key of the version before": {"is not a key", func(c *controller.Config) { c.Signer = trusted(t, 2).Signer }},
		"no exchange key":               {"does not begin with the exchange key", func(c *controller.Config) { c.Exchange = nil }},
		"a version left out":            {"not a chain", func(c *controller.Config) { c.Trust = manifest.Chain{c.Trust[0], c.Trust[2]} }},
		"the first left out":            {"not a chain", func(c *controller.Config) { c.Trust = c.Trust[1:] }},
	} {
		c2 := good
		c.spoil(&c2)
		require.ErrorContains(t, c2.Validate(), c.want, name)
	}
}

// A store is served by the keys that its agents believe, or by those that follow them.
func TestCheckTrust_MAN13(t *testing.T) {
	store := memstore.New(memstore.Options{})
	check := func(c controller.Config) error {
		ctl, err := controller.New(store, c)
		require.NoError(t, err)
		return ctl.CheckTrust(ctx)
	}
	require.NoError(t, check(config()), "no trust document")
	require.NoError(t, check(trusted(t, 2)))
	require.NoError(t, check(trusted(t, 2)))
	require.NoError(t, check(trusted(t, 4)), "two versions at once")
	var wrong *controller.TrustError
	require.ErrorAs(t, check(trusted(t, 3)), &wrong, "put back")
	require.Contains(t, wrong.Error(), "version 4")

	other := trusted(t, 4)
	trust, err := manifest.OpenTrust(other.Trust[0])
	require.NoError(t, err)
	trust.Version, trust.Expires = 1, trust.Expires.AddDate(1, 0, 0)
	sealed, err := manifest.SealTrust(trust, manifest.NewSigner(key))
	require.NoError(t, err)
	other.Trust, other.Signer = manifest.Chain{sealed}, trusted(t, 1).Signer
	store = memstore.New(memstore.Options{})
	require.NoError(t, check(trusted(t, 1)))
	require.ErrorAs(t, check(other), &wrong, "another server's")
}

// An agent enrols, and learns the versions that it has not got.
func TestAnswersBringTrust_MAN13(t *testing.T) {
	f := fixtureOf(t, memstore.New(memstore.Options{}), trusted(t, 3))
	a := f.enrol("a")
	in := a.request(f.now)
	for held, want := range map[uint64]int{0: 0, 1: 2, 3: 0, 9: 0} {
		in.Trust = held
		answer, err := f.CheckIn(ctx, in, f.now)
		require.NoError(t, err)
		require.Len(t, answer.Trust, want, held)
	}
}

// A report number far above the last one is not taken: from the highest ones on
// there would be no room to go on, and the agent would be cut off for good
// (MAN-12).
func TestReportNumbersAreNotUsedUp_MAN12(t *testing.T) {
	f := fixtureOf(t, memstore.New(memstore.Options{}), config())
	a := f.enrol("a")
	in := a.request(f.now)
	in.Reports = []job.Report{{Sequence: manifest.MaxNumber, Refused: "forged"}}
	answer, err := f.CheckIn(ctx, in, f.now)
	require.NoError(t, err)
	require.Less(t, answer.Acknowledged, job.Sequence(100))
	status, err := f.Asset(ctx, "a", f.now)
	require.NoError(t, err)
	require.Equal(t, 1, status.AnomalyCount)
}
