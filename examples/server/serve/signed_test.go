package serve

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
)

// A signed feed is used only with a signature by one of its signers, and each
// feed has its own.
func TestSignedFeeds_INT1_INT4(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, data, 0o600))
		return file
	}
	key := func(seed byte, name string) (ed25519.PrivateKey, string) {
		private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
		der, err := x509.MarshalPKIXPublicKey(private.Public())
		require.NoError(t, err)
		public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		signer := integrity.Signer{Name: name, Sigstore: []integrity.SigstoreTrust{{Keys: []string{public}}}}
		policy, err := json.Marshal(integrity.Policy{Format: integrity.PolicyFormat, Signers: []integrity.Signer{signer}})
		require.NoError(t, err)
		return private, put(name+".keys", policy)
	}
	acme, acmeFile := key(1, "Acme")
	other, otherFile := key(2, "Other")
	document := []byte(`{"format": 1}`)
	a, b := put("a=1.json", document), put("b.json", document)
	sign := func(key ed25519.PrivateKey) []byte {
		signature, err := sigstoreverify.Sign(key, bytes.NewReader(document))
		require.NoError(t, err)
		return signature
	}
	from := Sources{JSON: []string{a, b}, Signers: []string{a + "=" + acmeFile, b + "=" + otherFile}, Signatures: []string{b + "=" + filepath.Join(dir, "b=.asc")}}
	feeds, err := Feeds(from, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Len(t, feeds, 2)
	refused := func(i int, reason integrity.Reason) {
		t.Helper()
		_, err := feeds[i].Fetch(t.Context())
		var e *jsonfeed.SignatureError
		require.ErrorAs(t, err, &e)
		require.Equal(t, reason, e.Verdict.Reason, "%v", err)
	}
	refused(0, integrity.SignatureMissing)
	refused(1, integrity.SignatureMissing)
	put("a=1.json.sig", sign(other))
	put("b=.asc", []byte("PK\x03\x04"))
	refused(0, integrity.SignatureBad)
	refused(1, integrity.SignatureUnsupported)
	put("a=1.json.sig", sign(acme))
	put("b=.asc", sign(other))
	for _, f := range feeds {
		_, err := f.Fetch(t.Context())
		require.NoError(t, err)
	}
	put("a=1.json", []byte(`{"format": 1 }`))
	refused(0, integrity.SignatureBad)
}

func TestBadSignersOfFeeds_JOB20(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none.keys")
	require.NoError(t, os.WriteFile(none, []byte(`{"format": 1}`), 0o600))
	for name, c := range map[string]struct {
		from Sources
		says string
	}{
		"no feed":             {Sources{Signers: []string{"a.json=" + none}}, "does not begin with the name of a JSON feed"},
		"another feed":        {Sources{Signers: []string{"b.json=" + none}, JSON: []string{"a.json"}}, "does not begin with"},
		"no file":             {Sources{Signers: []string{"a.json=" + filepath.Join(dir, "missing")}, JSON: []string{"a.json"}}, "missing"},
		"no signer":           {Sources{Signers: []string{"a.json=" + none}, JSON: []string{"a.json"}}, "at least one signer"},
		"signature unasked":   {Sources{Signatures: []string{"a.json=a.sig"}, JSON: []string{"a.json"}}, "of a feed with signers"},
		"signature of nobody": {Sources{Signatures: []string{"b.json=a.sig"}, JSON: []string{"a.json"}}, "does not begin with"},
	} {
		_, err := Feeds(c.from, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, c.says, name)
	}
}
