package integrity

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// An importer's format is named in a policy and in an order's excerpt like any
// other. Where no verifier judges it, the answer says so; it is no error of
// reading the order.
func TestFormatsAreAnOpenSet_INT1_INT9(t *testing.T) {
	p, err := ParsePolicy([]byte(`{"format": 1,
		"signers": [{"name": "Acme", "other": [{"format": "minisign", "keys": ["RWQf6LRCGA9i5"]}], "sigstore": [{"keys": ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]}]}],
		"clauses": [{"name": "acme", "vendor": "Acme", "product": "*", "signers": ["Acme"], "formats": ["minisign"]}]}`))
	require.NoError(t, err)
	text, err := json.Marshal(p.Excerpt())
	require.NoError(t, err)
	var order Excerpt
	require.NoError(t, json.Unmarshal(text, &order))
	require.NoError(t, order.Validate())
	require.Equal(t, []Format{"minisign"}, order.Clauses[0].Formats)

	terms := Terms{Vendor: "Acme", Product: "tool", Order: order}
	for name, tc := range map[string]struct {
		found  Signature
		reason Reason
		text   string
	}{
		"judged by a verifier of the importer's": {Signature{Status: Valid, Signer: "Acme", Format: "minisign"}, SignatureValid, `validly signed by "Acme"`},
		"signed in another format":               {Signature{Status: Valid, Signer: "Acme", Format: Key}, FormatNotAllowed, `in the format "key"; the policy allows "minisign" here`},
		"signed in no format":                    {Signature{Status: Valid, Signer: "Acme"}, FormatNotAllowed, `in the format ""; the policy allows "minisign" here`},
		"signed in what is no format":            {Signature{Status: Valid, Signer: "Acme", Format: "mini\nsign"}, FormatNotAllowed, `in the format ""`},
		"judged by nobody":                       {Chain().Verify(nil, 0, []byte("untrusted comment:")), SignatureUnsupported, "no verifier on this asset knows this kind of signature file"},
	} {
		v := terms.Judge(tc.found, nil)
		require.Equal(t, tc.reason, v.Reason, name)
		require.Contains(t, v.Text, tc.text, name)
	}
}
