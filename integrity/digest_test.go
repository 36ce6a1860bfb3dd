package integrity

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Known answers for "abc" (FIPS 180-4, RFC 1321).
var abc = map[Algorithm]string{
	SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	SHA384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
	SHA512: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	SHA1:   "a9993e364706816aba3e25717850c26c9cd0d89d",
	MD5:    "900150983cd24fb0d6963f7d28e17f72",
}

func TestDigesterInOnePass_INT2(t *testing.T) {
	d := NewDigester(MD5, SHA512, SHA256, SHA1, SHA384, SHA256, 0, 99)
	for _, part := range []string{"", "a", "", "bc"} {
		n, err := d.Write([]byte(part))
		require.NoError(t, err)
		require.Equal(t, len(part), n)
	}
	sums := d.Sums()
	require.Len(t, sums, len(Algorithms()))
	for i, a := range Algorithms() {
		require.Equal(t, Digest{a, abc[a]}, sums[i])
		require.Equal(t, 2*a.Size(), len(abc[a]))
		require.Equal(t, a.Hash().New().Size(), a.Size())
	}
	require.Equal(t, sums, d.Sums(), "summing must not disturb the digester")
	_, _ = d.Write([]byte("d"))
	require.NotEqual(t, sums, d.Sums())
	require.Empty(t, NewDigester().Sums())
}

func TestParseDigest(t *testing.T) {
	for a, hex := range abc {
		text := a.String() + ":" + hex
		for _, in := range []string{text, a.String() + ":" + strings.ToUpper(hex)} {
			d, err := ParseDigest(in)
			require.NoError(t, err)
			require.Equal(t, Digest{a, hex}, d)
			require.Equal(t, text, d.String())
		}
	}
	good := "sha256:" + abc[SHA256]
	for name, in := range map[string]string{
		"empty":               "",
		"no colon":            abc[SHA256],
		"no algorithm":        ":" + abc[SHA256],
		"unknown algorithm":   "sha3:" + abc[SHA256],
		"algorithm's case":    "SHA256:" + abc[SHA256],
		"no sum":              "sha256:",
		"one digit short":     good[:len(good)-1],
		"one digit long":      good + "0",
		"another's length":    "sha512:" + abc[SHA256],
		"not hex":             good[:len(good)-1] + "g",
		"space":               good + " ",
		"lower-cased to less": "sha1:" + strings.Repeat("K", 20), // the Kelvin sign, 3 bytes, becomes k
		"huge":                "sha256:" + strings.Repeat("a", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseDigest(in)
			var invalid *InvalidDigest
			require.ErrorAs(t, err, &invalid)
			require.LessOrEqual(t, len(invalid.Text), maxQuoted)
			require.NotEmpty(t, invalid.Problem)
		})
	}
}

func TestDigestInJSON(t *testing.T) {
	e := Expectation{Signer: "Vendor", Digests: []Digest{{SHA256, abc[SHA256]}, {MD5, abc[MD5]}}, LatestOnly: true}
	data, err := json.Marshal(e)
	require.NoError(t, err)
	require.JSONEq(t, `{"signer":"Vendor","digests":["sha256:`+abc[SHA256]+`","md5:`+abc[MD5]+`"],"latestOnly":true}`, string(data))
	var back Expectation
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, e, back)

	_, err = json.Marshal(Digest{})
	require.Error(t, err, "the zero digest has no text form")
	var d Digest
	require.Error(t, json.Unmarshal([]byte(`""`), &d))
	require.Error(t, json.Unmarshal([]byte(`"sha256:00"`), &d))
	require.Zero(t, d, "a refused text changes nothing")
}

func TestVerdictInJSON_INT5(t *testing.T) {
	v := Judge(Expectation{Digests: []Digest{{SHA256, abc[SHA256]}}}, Signature{Status: 77}, []Digest{{SHA256, abc[SHA256]}})
	data, err := json.Marshal(v)
	require.NoError(t, err)
	var back Verdict
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, v, back)
	require.Contains(t, string(data), `"code":11,"reason":"SignatureUnsupported","rule":"INT-9"`)
	require.Contains(t, string(data), `"checksum":"matched","compared":"sha256"`)

	data, err = json.Marshal(Judge(Expectation{}, Signature{Status: Absent}, nil))
	require.NoError(t, err)
	require.NotContains(t, string(data), `"compared"`)
}

func FuzzParseDigest(f *testing.F) {
	for a, hex := range abc {
		f.Add(a.String() + ":" + hex)
	}
	f.Add("sha256:")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDigest(s)
		if err != nil {
			require.Zero(t, d)
			return
		}
		text, err := d.MarshalText()
		require.NoError(t, err)
		again, err := ParseDigest(string(text))
		require.NoError(t, err)
		require.Equal(t, d, again)
		require.True(t, strings.EqualFold(s, string(text)))
	})
}
