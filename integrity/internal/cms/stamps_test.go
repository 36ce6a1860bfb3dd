package cms

import (
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// What a timestamp must be, whoever is trusted.
func TestTimestamps_INT9(t *testing.T) {
	clock, other := issue(t, nil, keyRSA(), forStamps), issue(t, nil, nil, forStamps)
	extra := func(a ...[]byte) func([][]byte) [][]byte {
		return func(all [][]byte) [][]byte { return append(all, a...) }
	}
	replaced := func(i int, by ...byte) func([][]byte) [][]byte {
		return func(all [][]byte) [][]byte { all[i] = by; return all }
	}
	naming := func(id OID, alg integrity.Algorithm, of *holder, first ...[]byte) func([][]byte) [][]byte {
		return replaced(2, attr(id, seq(seq(seq(append(first, octets(sum(alg, of.Raw)))...))))...)
	}
	authority := issue(t, nil, nil, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCRLSign })
	revoked, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: signedOn, NextUpdate: signedOn}, authority.Certificate, authority.key)
	require.NoError(t, err)
	unknown := seq(object(NewOID("2.16.840.1.103.67.4.2.1")))
	for name, tc := range map[string]struct {
		stamp stamped
		want  string // empty: it holds
		mere  bool   // it is merely not trusted
	}{
		"as it should be": {stamped{}, "", false},
		"SHA-384":         {stamped{digest: integrity.SHA384}, "", false},
		"with all that may follow": {stamped{info: extra(seq(number(1)), []byte{tagBoolean, 1, 0xff}, number(5),
			Encode(TagContext0, nil), Encode(TagContext1, nil))}, "", false},
		"in another order":          {stamped{info: extra(number(5), seq(number(1)))}, "not well-formed", false},
		"of version 2":              {stamped{info: replaced(0, number(2)...)}, "not well-formed", false},
		"without a time":            {stamped{info: func(i [][]byte) [][]byte { return i[:4] }}, "not well-formed", false},
		"over something else":       {stamped{info: replaced(2, seq(algorithmOf(integrity.SHA256), octets(make([]byte, 32)))...)}, "over something else", false},
		"over SHA-1":                {stamped{info: replaced(2, seq(algorithmOf(integrity.SHA1), octets(sum(integrity.SHA1, signature)))...)}, "sha1", true},
		"over what nobody knows":    {stamped{info: replaced(2, seq(unknown, octets(make([]byte, 32)))...)}, "is not known", false},
		"made with SHA-1":           {stamped{digest: integrity.SHA1}, "made with sha1", true},
		"listing no digest":         {stamped{listed: [][]byte{{}}}, "does not name", false},
		"listing another digest":    {stamped{listed: [][]byte{algorithmOf(integrity.SHA512)}}, "does not name", false},
		"listing SHA-1, too":        {stamped{listed: [][]byte{algorithmOf(integrity.SHA256), algorithmOf(integrity.SHA1)}}, "carries no trust", false},
		"listing what nobody knows": {stamped{listed: [][]byte{algorithmOf(integrity.SHA256), unknown}}, "carries no trust", false},
		"listing SHA-512, too":      {stamped{listed: [][]byte{algorithmOf(integrity.SHA256), algorithmOf(integrity.SHA512)}}, "", false},
		"naming no certificate":     {stamped{attributes: func(a [][]byte) [][]byte { return a[:2] }}, "do not name its signer", true},
		"naming another":            {stamped{attributes: naming(oidSigningCertV2, integrity.SHA256, other)}, "name another certificate", false},
		"naming it by SHA-384":      {stamped{attributes: naming(oidSigningCertV2, integrity.SHA384, clock, algorithmOf(integrity.SHA384))}, "", false},
		"naming it by SHA-1":        {stamped{attributes: naming(oidSigningCertV2, integrity.SHA1, clock, algorithmOf(integrity.SHA1))}, "by the digest algorithm", true},
		"without signed attributes": {stamped{attributes: func([][]byte) [][]byte { return nil }}, "no signed attributes", true},
		"bare, over something else": {stamped{over: bare(integrity.SHA1), digest: integrity.SHA1,
			info: replaced(2, seq(algorithmOf(integrity.SHA1), octets(make([]byte, 20)))...)}, "over something else", false},
		"naming it the older way":     {stamped{attributes: naming(oidSigningCertV1, integrity.SHA1, clock)}, "", false},
		"naming it and another":       {stamped{attributes: extra(attr(oidSigningCertV1, seq(seq(seq(octets(sum(integrity.SHA1, other.Raw)))))))}, "name another certificate", false},
		"naming it by no sequence":    {stamped{attributes: replaced(2, attr(oidSigningCertV2, octets(nil))...)}, "of another kind", false},
		"with an attribute twice":     {stamped{attributes: extra(attr(NewOID("1.2.3"), number(1)), attr(NewOID("1.2.3"), number(2)))}, "occurs twice", false},
		"with two values":             {stamped{attributes: extra(attr(NewOID("1.2.3"), number(1), number(2)))}, "has not one value", false},
		"with no value":               {stamped{attributes: extra(attr(NewOID("1.2.3")))}, "has not one value", false},
		"without a content type":      {stamped{attributes: func(a [][]byte) [][]byte { return a[1:] }}, "lacks the attribute", false},
		"a digest that is no string":  {stamped{attributes: replaced(1, attr(oidMessageDigest, seq())...)}, "of another kind", false},
		"with what is no certificate": {stamped{shown: [][]byte{seq(number(1))}}, "cannot be read", false},
		"with a revocation list":      {stamped{revoked: [][]byte{revoked}}, "", false},
		"with an answer by OCSP":      {stamped{revoked: [][]byte{Encode(TagContext1, number(1))}}, "", false},
		"with what is no such list":   {stamped{revoked: [][]byte{revoked, clock.Raw}}, "a revocation list in it cannot be read", false},
		"with no list but a number":   {stamped{revoked: [][]byte{number(1)}}, "a revocation list in it cannot be read", false},
		"with another kind of one":    {stamped{shown: [][]byte{Encode(TagContext1, number(1))}}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			tc.stamp.who = clock
			f := NewFile(strict, nil)
			stamp := f.Token(tc.stamp.token(t), signature)
			who, err := f.VerifyStamp(&stamp)
			if tc.want != "" {
				require.ErrorContains(t, err, tc.want)
				require.Equal(t, tc.mere, !AsRefusal(err).Decides)
				if tc.mere {
					stamp.Signer.Signature[9] ^= 1
					_, err = f.VerifyStamp(&stamp)
					require.ErrorContains(t, err, "did not make it")
				}
				return
			}
			require.NoError(t, err)
			require.Equal(t, clock.Raw, who.Raw)
			require.Equal(t, signedOn, stamp.Time)
			stamp.Signer.Signature[9] ^= 1
			_, err = f.VerifyStamp(&stamp)
			require.ErrorContains(t, err, "did not make it")
		})
	}
}

// bare returns what is signed by those who leave the digest's name out.
func bare(algs ...integrity.Algorithm) func([]byte) []byte {
	return func(signed []byte) (out []byte) {
		for _, a := range algs {
			out = append(out, sum(a, signed)...)
		}
		return out
	}
}

// Countersignatures are as good as timestamps if they are by strong algorithms.
// VeriSign and Symantec signed the bare SHA-1 until 2020: that is weak, and not
// broken, like all that is genuine and made as nobody does any more.
func TestCountersignatures_INT7_INT9(t *testing.T) {
	clock := issue(t, nil, keyRSA(), forStamps)
	content := func(id OID) func([][]byte) [][]byte {
		return func(a [][]byte) [][]byte { return append(a, attr(oidContentType, object(id))) }
	}
	other := func(a [][]byte) [][]byte { return [][]byte{attr(oidMessageDigest, octets(make([]byte, 20))), a[1]} }
	at := func(time []byte) func([][]byte) [][]byte {
		return func(a [][]byte) [][]byte { return [][]byte{a[0], attr(oidSigningTime, time)} }
	}
	named := func(alg integrity.Algorithm, parameters ...byte) func([]byte) []byte {
		return func(signed []byte) []byte {
			id := Read(algorithmOf(alg)).Take(TagSequence).OID()
			return seq(seq(object(id), parameters), octets(sum(alg, signed)))
		}
	}
	wrongMD5 := func(signed []byte) []byte { return cat(make([]byte, 16), sum(integrity.SHA1, signed)) }
	for name, tc := range map[string]struct {
		stamp stamped
		want  string
		mere  bool
	}{
		"as it should be":          {stamped{}, "", false},
		"of data":                  {stamped{attributes: content(oidData)}, "", false},
		"of something else":        {stamped{attributes: content(OIDTimestampInfo)}, "content of type", false},
		"without a time":           {stamped{attributes: func(a [][]byte) [][]byte { return a[:1] }}, "no time", true},
		"with a time of minutes":   {stamped{attributes: at(Encode(TagUTCTime, []byte("2603040506Z")))}, "no time", true},
		"with a time elsewhere":    {stamped{attributes: at(Encode(TagUTCTime, []byte("260304050607+0100")))}, "no time", true},
		"with a number for a time": {stamped{attributes: at(number(5))}, "no time", true},
		"without attributes":       {stamped{attributes: func([][]byte) [][]byte { return nil }}, "no signed attributes", true},
		"without a digest":         {stamped{attributes: func(a [][]byte) [][]byte { return a[1:] }}, "lacks the attribute", false},
		"over SHA-1":               {stamped{digest: integrity.SHA1}, "made with sha1", true},
		"over MD5":                 {stamped{digest: integrity.MD5}, "made with md5", true},
		"over the bare SHA-1":      {stamped{digest: integrity.SHA1, over: bare(integrity.SHA1)}, "made with sha1", true},
		"over the bare MD5":        {stamped{digest: integrity.MD5, over: bare(integrity.MD5)}, "made with md5", true},
		"over bare MD5 and SHA-1":  {stamped{digest: integrity.SHA1, over: bare(integrity.MD5, integrity.SHA1)}, "made with sha1", true},
		"over another MD5":         {stamped{digest: integrity.SHA1, over: wrongMD5}, "did not make it", false},
		"over the bare SHA-256":    {stamped{over: bare(integrity.SHA256)}, "made with sha256 in a way", true},
		"over no known digest":     {stamped{over: func(signed []byte) []byte { return sum(integrity.SHA256, signed)[1:] }}, "did not make it", false},
		"over another SHA-1":       {stamped{digest: integrity.SHA1, over: func([]byte) []byte { return make([]byte, 20) }}, "did not make it", false},
		"the digest is SHA-1's":    {stamped{over: named(integrity.SHA1, tagNull, 0)}, "made with sha1 in a way", true},
		"its name has no NULL":     {stamped{over: named(integrity.SHA256)}, "made with sha256 in a way", true},
		"its name has more":        {stamped{over: func(b []byte) []byte { return append(named(integrity.SHA256)(b), 0) }}, "did not make it", false},
		"over SHA-1 of other data": {stamped{digest: integrity.SHA1, over: bare(integrity.SHA1), attributes: other}, "not that of its content", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := NewFile(loose, nil)
			require.NoError(t, f.Add(clock.Raw))
			tc.stamp.who = clock
			stamp := countersignature(tc.stamp.counter(t), signature)
			_, err := f.VerifyStamp(&stamp)
			if tc.want == "" {
				require.NoError(t, err)
				require.Equal(t, signedOn, stamp.Time)
				return
			}
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, tc.mere, !AsRefusal(err).Decides)
			if tc.mere { // a change in it is noticed all the same
				stamp.Signer.Signature[9] ^= 1
				_, err = f.VerifyStamp(&stamp)
				require.ErrorContains(t, err, "did not make it")
			}
		})
	}
}

// A timestamp counts if its authority's chain ends where it should and was
// valid then; one that does not hold decides.
func TestDated_INT9(t *testing.T) {
	root := issue(t, nil, nil, authority)
	clock := issue(t, root, nil, forStamps)
	early := issue(t, root, nil, func(c *x509.Certificate) { forStamps(c); c.NotAfter = signedOn.Add(-time.Minute) })
	pinned := strict.Certificate(root.Certificate)
	anchored := []Fingerprint{pinned.Print}
	f := NewFile(strict, []*Certificate{pinned})
	read := func(who *holder, info func([][]byte) [][]byte) Stamp {
		return f.Token(stamped{who: who, info: info}.token(t), signature)
	}
	sooner := func(i [][]byte) [][]byte {
		return append(i[:4:4], Encode(TagTime, []byte(signedOn.Add(-time.Second).Format("20060102150405Z"))))
	}
	known, why, err := f.Dated([]Stamp{read(clock, nil), read(issue(t, nil, nil, forStamps), nil), read(early, nil), read(clock, sooner)}, anchored)
	require.NoError(t, err)
	require.Contains(t, why, "was not valid at")
	require.Equal(t, []time.Time{signedOn.Add(-time.Second), signedOn}, Times(known, []Fingerprint{pinned.Print}))
	require.Empty(t, Times(known, nil))
	_, _, err = f.Dated([]Stamp{read(clock, nil), read(clock, func(i [][]byte) [][]byte { return i[:3] })}, anchored)
	require.ErrorContains(t, err, "its timestamp: it is not well-formed DER")
}

func TestReply(t *testing.T) {
	token := stamped{who: issue(t, nil, nil, forStamps)}.token(t)
	for name, tc := range map[string]struct {
		reply []byte
		want  string
	}{
		"a token":            {token, ""},
		"granted":            {seq(seq(number(0)), token), ""},
		"with changes":       {seq(seq(number(1), seq(Encode(12, []byte("text"))), []byte{tagBits, 2, 0, 0}), token), ""},
		"in BER":             {cat([]byte{0x30, 0x80}, seq(number(0)), token, []byte{0, 0}), ""},
		"refused":            {seq(seq(number(2))), "refused"},
		"refused with one":   {seq(seq(number(2)), token), "refused"},
		"without a token":    {seq(seq(number(0))), "not well-formed DER"},
		"with two":           {seq(seq(number(0)), token, token), "not well-formed DER"},
		"with more behind":   {append(seq(seq(number(0)), token), 0), "not well-formed DER"},
		"with more in front": {seq(seq(number(0), number(7)), token), "not well-formed DER"},
		"junk":               {[]byte("junk"), "not well-formed DER"},
		"nothing":            {nil, "not well-formed DER"},
	} {
		got, err := NewFile(strict, nil).reply(tc.reply)
		if tc.want == "" {
			require.NoError(t, err, name)
			require.Equal(t, token, got, name)
		} else {
			require.ErrorContains(t, err, tc.want, name)
		}
	}
}
