package manifest

import (
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/require"
)

func TestPAE(t *testing.T) {
	require.Equal(t, "DSSEv1 29 http://example.com/HelloWorld 11 hello world", // the specification's own example
		string(pae("http://example.com/HelloWorld", []byte("hello world"))))
}

func FuzzPAE(f *testing.F) {
	f.Add("", []byte(nil))
	f.Add(PayloadType, []byte("{}"))
	f.Fuzz(func(t *testing.T, payloadType string, payload []byte) {
		require.Equal(t, string(dsse.PAE(payloadType, payload)), string(pae(payloadType, payload)))
	})
}
