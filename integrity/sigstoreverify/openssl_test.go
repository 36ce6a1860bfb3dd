package sigstoreverify

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Signature files made by another program, see testdata/openssl/README.md.
func TestSignaturesByOpenSSL_INT1(t *testing.T) {
	read := func(name string) []byte { return byOpenSSL(t, name) }
	v := verifier(t, keyed("ed", read("ed.pub")), keyed("ec", read("ec.pub")), keyed("rsa", read("rsa.pub")))
	for sig, signer := range map[string]string{
		"ed.sig": "ed", "ec.sig": "ec", "rsa.sig": "rsa", "rsa-pss.sig": "rsa", "rsa-pss-base64.sig": "rsa",
	} {
		require.Equal(t, integrity.Signature{Status: integrity.Valid, Format: integrity.Key, Signer: signer}, verify(v, read("patch"), read(sig)), sig)
		require.Equal(t, integrity.Bad, verify(v, read("README.md"), read(sig)).Status, sig)
	}
}

func byOpenSSL(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "openssl", name))
	require.NoError(t, err)
	return data
}
