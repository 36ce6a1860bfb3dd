package manifest_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A document comes out as it went in, in canonical form: UTC, whole seconds,
// orders by Start, then ID (MAN-5).
func TestSealAndOpen_MAN5(t *testing.T) {
	first, second, third := order("b", t0), order("c", t0), patched(t, order("a", t0.Add(time.Hour)))
	d := document(third, second, first)
	d.Issued = t0.Add(999 * time.Millisecond).In(time.FixedZone("east", 3600))

	got, err := open(seal(t, d))
	require.NoError(t, err)
	if diff := cmp.Diff(document(first, second, third), got, cmp.Comparer(func(a, b version.Version) bool { return a == b })); diff != "" {
		t.Fatal(diff)
	}
	require.Equal(t, third.ID, d.Orders[0].ID, "Seal changed its argument")
}

func TestSealIsDeterministic(t *testing.T) {
	a := seal(t, document(jobs(3)...))
	orders := jobs(3)
	orders[0], orders[2] = orders[2], orders[0]
	require.Equal(t, string(a), string(seal(t, document(orders...))))
}

func TestEmptyQueue(t *testing.T) {
	sealed := seal(t, document())
	require.Equal(t, string(sealed), string(seal(t, document([]job.Order{}...))))
	d, err := open(sealed)
	require.NoError(t, err)
	require.Empty(t, d.Orders)
}

// Validation returns every problem, and Seal refuses a document with one.
func TestSealCollectsProblems(t *testing.T) {
	bad := order("a", t0)
	bad.Name = "bell\a"
	foreign := order("b", t0)
	foreign.ID = job.MakeOrderID(foreign.Run, "db-1")
	d := manifest.Document{Format: 2, Asset: "a b", Orders: []job.Order{bad, foreign, foreign}}

	_, err := manifest.Seal(d, manifest.NewSigner(key))
	requireFields(t, []string{"format", "asset", "revision", "issued", "orders[0].name", "orders[0].id", "orders[1].id", "orders[2].id", "orders[2].id"}, err)
}

func TestSealRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*manifest.Document)
		want   string
	}{
		"expiry at issue":   {func(d *manifest.Document) { d.Expires = d.Issued }, "expires"},
		"no expiry":         {func(d *manifest.Document) { d.Expires = time.Time{} }, "expires"},
		"too long a life":   {func(d *manifest.Document) { d.Expires = d.Issued.Add(manifest.MaxLifetime + time.Second) }, "expires"},
		"within one second": {func(d *manifest.Document) { d.Expires = d.Issued.Add(time.Millisecond) }, "expires"},
		"past year 9999": {func(d *manifest.Document) {
			d.Issued, d.Expires = d.Issued.AddDate(9000, 0, 0), d.Expires.AddDate(9000, 0, 0)
		}, "year"},
		"no UTF-8": {func(d *manifest.Document) { d.Orders[0].Post[0].Command[0] = "\xff" }, "would change the document"},
	} {
		t.Run(name, func(t *testing.T) {
			d := document(order("a", t0))
			c.change(&d)
			_, err := manifest.Seal(d, manifest.NewSigner(key))
			require.ErrorContains(t, err, c.want)
			if invalid, ok := errors.AsType[*job.Invalid](err); ok {
				require.Equal(t, invalid, d.Validate())
			}
		})
	}
}

type failing struct{ manifest.Signer }

func (failing) Sign([]byte) ([]byte, error) { return nil, errors.New("token unplugged") }

func TestSealTellsWhySigningFailed(t *testing.T) {
	_, err := manifest.Seal(document(), failing{manifest.NewSigner(key)})
	require.ErrorContains(t, err, "token unplugged")
	for _, bad := range []ed25519.PrivateKey{nil, key[:10]} {
		_, err = manifest.Seal(document(), manifest.NewSigner(bad))
		require.ErrorIs(t, err, manifest.ErrBadKey)
		require.Empty(t, manifest.NewSigner(bad).KeyID())
	}
}

// Another implementation of DSSE verifies our envelopes and makes envelopes
// that we open.
func TestDSSEInterop(t *testing.T) {
	theirs := library{manifest.NewSigner(key)}
	verifier, err := dsse.NewEnvelopeVerifier(theirs)
	require.NoError(t, err)
	var e dsse.Envelope
	require.NoError(t, json.Unmarshal(seal(t, document(jobs(2)...)), &e))
	require.Equal(t, manifest.PayloadType, e.PayloadType)
	accepted, payload, err := verifier.VerifyAndDecode(context.Background(), &e)
	require.NoError(t, err)
	require.Len(t, accepted, 1)

	signer, err := dsse.NewEnvelopeSigner(theirs)
	require.NoError(t, err)
	again, err := signer.SignPayload(context.Background(), manifest.PayloadType, payload)
	require.NoError(t, err)
	sealed, err := json.Marshal(again)
	require.NoError(t, err)
	d, err := open(sealed)
	require.NoError(t, err)
	require.Equal(t, ids(jobs(2)...), ids(d.Orders...))
}

// library is our key in the library's form.
type library struct{ manifest.Signer }

func (l library) Sign(_ context.Context, data []byte) ([]byte, error) { return l.Signer.Sign(data) }
func (l library) KeyID() (string, error)                              { return l.Signer.KeyID(), nil }
func (l library) Public() crypto.PublicKey                            { return public }
func (l library) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(public, data, sig) {
		return errors.New("does not hold")
	}
	return nil
}

func TestFingerprint(t *testing.T) {
	id := manifest.NewSigner(key).KeyID()
	require.Equal(t, manifest.Fingerprint(public), id)
	require.Len(t, id, len("sha256:")+64)
	require.True(t, strings.HasPrefix(id, "sha256:"))
}
