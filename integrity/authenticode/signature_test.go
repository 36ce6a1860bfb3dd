package authenticode

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// TestForged judges what no program would sign, each in a cabinet whose digest is right.
func TestForged_INT9(t *testing.T) {
	p := everybody()
	v := newVerifier(t, p.signer())
	forged := func(change func(*forgery)) []byte {
		f := vendorForgery()
		change(&f)
		return sealed(t, integrity.CAB, f, placeCAB(10)).bytes()
	}
	extra := func(a ...[]byte) func(*forgery) {
		return func(f *forgery) { f.attributes = func(all [][]byte) [][]byte { return append(all, a...) } }
	}
	for name, c := range map[string]struct {
		change func(*forgery)
		status integrity.Status
		detail string
	}{
		"as it should be":                  {func(*forgery) {}, valid, ""},
		"SHA-384":                          {func(f *forgery) { f.digest = integrity.SHA384 }, valid, ""},
		"RSA-PSS":                          {func(f *forgery) { f.scheme = oidRSAPSS }, valid, ""},
		"an algorithm with its digest":     {func(f *forgery) { f.scheme = cms.NewOID("1.2.840.113549.1.1.11") }, valid, ""},
		"an algorithm with another digest": {func(f *forgery) { f.scheme = cms.NewOID("1.2.840.113549.1.1.12") }, unsupportedStatus, "made by algorithm"},
		"an algorithm of other keys":       {func(f *forgery) { f.scheme = oidECDSA }, unsupportedStatus, "made by algorithm"},
		"a signer named by its key":        {func(f *forgery) { f.who = p.people["with a key's name"]; f.byKeyID = true }, valid, ""},
		"an attribute more":                {extra(attr(cms.NewOID("1.2.3"), number(1))), valid, ""},
		"stamped in BER":                   {func(f *forgery) { f.looseStamp = true }, valid, ""},
		"stamped by PKCS #9":               {func(f *forgery) { f.legacyStamp = true }, valid, ""},
		"SHA-1 in the signer":              {func(f *forgery) { f.digest = integrity.SHA1 }, bad, "made with sha1"},
		"no content type":                  {func(f *forgery) { f.attributes = func(a [][]byte) [][]byte { return a[1:] } }, bad, "lacks the attribute"},
		"no digest":                        {func(f *forgery) { f.attributes = func(a [][]byte) [][]byte { return a[:1] } }, bad, "lacks the attribute"},
		"two digests":                      {extra(attr(oidMessageDigest, octets(make([]byte, 32)))), bad, "occurs twice"},
		"a digest of two parts":            {func(f *forgery) { f.attributes = twoValues }, bad, "not one value"},
		"another content type": {func(f *forgery) {
			f.attributes = func(a [][]byte) [][]byte { return [][]byte{attr(oidContentType, object(cms.OIDTimestampInfo)), a[1]} }
		}, bad, "content of type"},
		"the signer's certificate is missing": {func(f *forgery) { f.who.cert = p.vendor.cert; f.certs = nil; f.who = hidden(f.who) }, bad, "certificate is missing"},
		"stamped before the certificate":      {func(f *forgery) { f.stampedAt = notBefore.Add(-time.Second) }, bad, "was not valid at"},
		"stamped at its first second":         {func(f *forgery) { f.stampedAt = notBefore }, valid, ""},
		"stamped at its last second":          {func(f *forgery) { f.stampedAt = notAfter }, valid, ""},
		"stamped after the certificate":       {func(f *forgery) { f.stampedAt = notAfter.Add(time.Second) }, bad, "was not valid at"},
		"stamped by who may not":              {func(f *forgery) { f.stampedBy = &p.vendor }, unsupportedStatus, "no trusted timestamp"},
		"a timestamp of another signature": {func(f *forgery) {
			f.stampedBy = nil
			f.others = [][]byte{attr(oidMicrosoftTimestamp, otherToken(t))}
		}, bad, "over something else"},
	} {
		t.Run(name, func(t *testing.T) {
			got := verify(v, forged(c.change))
			require.Equal(t, c.status, got.Status, "%+v", got)
			require.Contains(t, got.Detail, c.detail)
		})
	}
}

// twoValues gives the digest's attribute a second value.
func twoValues(a [][]byte) [][]byte {
	return [][]byte{a[0], attr(oidMessageDigest, octets(make([]byte, 32)), octets(make([]byte, 32)))}
}

// hidden is who under a serial number that no certificate has.
func hidden(who identity) identity {
	c := *who.cert
	c.SerialNumber = big.NewInt(1)
	return identity{&c, who.key}
}

// otherToken is a timestamp over nothing that is there.
func otherToken(t *testing.T) []byte {
	sum := sumOf(integrity.SHA256, []byte("something else"))
	s := forgery{who: everybody().stamper, contentType: cms.OIDTimestampInfo, content: octets(seq(number(1), object(cms.NewOID("1.2.3.4")),
		seq(algorithmID(digestOID(integrity.SHA256)), octets(sum)), number(7), cms.Encode(cms.TagTime, []byte(now.Format("20060102150405Z")))))}
	return s.signedData(t)
}

// TestEarliestTimestampCounts: a later one adds nothing.
func TestEarliestTimestampCounts(t *testing.T) {
	f := vendorForgery()
	f.stampedBy = nil
	f.content = indirectData(integrity.CAB, integrity.SHA256, make([]byte, 32))
	pool := cms.NewFile(rules, nil)
	early, late := stampsAt(t, now.Add(-time.Hour)), stampsAt(t, now)
	for _, order := range [][]cms.Dated{{early, late}, {late, early}} {
		v := newVerifier(t, everybody().signer())
		signer := rules.Certificate(everybody().vendor.cert)
		require.NoError(t, pool.Add(everybody().ca.cert.Raw))
		require.NoError(t, pool.Add(everybody().root.cert.Raw))
		chains, err := pool.Chains(signer, v.anchors, x509.ExtKeyUsageCodeSigning)
		require.NoError(t, err)
		at, _, why := v.policies[0].judge(signer, chains, order)
		require.Nil(t, why)
		require.Equal(t, now.Add(-time.Hour), at)
	}
}

func stampsAt(t *testing.T, at time.Time) cms.Dated {
	p := everybody()
	pool := cms.NewFile(rules, []*cms.Certificate{rules.Certificate(p.stampRoot.cert)})
	authority := rules.Certificate(p.stamper.cert)
	chains, err := pool.Chains(authority, newVerifier(t, p.signer()).timestampers, x509.ExtKeyUsageTimeStamping)
	require.NoError(t, err)
	return cms.Dated{Time: at, Chains: chains}
}

func TestLimitsOfSignatures(t *testing.T) {
	p := everybody()
	v := newVerifier(t, p.signer())
	inner := vendorForgery()
	seal := func(f forgery) integrity.Signature {
		s := sealed(t, integrity.CAB, f, placeCAB(10))
		return v.Verify(s, s.size, nil)
	}
	for name, c := range map[string]struct {
		most   int
		make   func(n int) forgery
		detail string
	}{
		"attributes": {cms.MaxAttributes - 2, func(n int) forgery {
			f := inner
			f.attributes = func(a [][]byte) [][]byte {
				for i := range n {
					a = append(a, attr(cms.NewOID(fmt.Sprint("1.2.", i)), number(1)))
				}
				return a
			}
			return f
		}, "more than 64 attributes"},
		"other attributes": {cms.MaxAttributes - 1, func(n int) forgery {
			f := inner
			for range n {
				f.others = append(f.others, attr(cms.NewOID("1.2.3"), number(1)))
			}
			return f
		}, "more than 64 attributes"},
		"timestamps": {cms.MaxTimestamps, func(n int) forgery {
			f := inner
			f.stampedBy = nil
			var all [][]byte
			for range n {
				all = append(all, otherToken(t))
			}
			f.others = [][]byte{attr(oidMicrosoftTimestamp, all...)}
			return f
		}, "more than 4 timestamps"},
		"signatures": {MaxSignatures - 1, func(n int) forgery {
			f := inner
			other := vendorForgery()
			other.content = indirectData(integrity.CAB, integrity.SHA256, make([]byte, 32))
			var all [][]byte
			for range n {
				all = append(all, other.signedData(t))
			}
			f.others = [][]byte{attr(oidNested, all...)}
			return f
		}, "more than 8 signatures"},
		"certificates": {cms.MaxCertificates - 3, func(n int) forgery {
			f := inner
			for range n {
				f.certs = append(f.certs, issue("Other", nil, p256(), authority))
			}
			return f
		}, "more than 64 certificates"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotContains(t, seal(c.make(c.most)).Detail, c.detail)
			got := seal(c.make(c.most + 1))
			require.Equal(t, integrity.Unsupported, got.Status)
			require.Contains(t, got.Detail, c.detail)
		})
	}
}

func TestLimitsOfFiles(t *testing.T) {
	v := newVerifier(t, everybody().signer())
	blob := append(cms.Encode(cms.TagSequence, nil), make([]byte, MaxSignature)...)
	for format, overhead := range map[integrity.Format]int{integrity.PE: certificateHeader, integrity.CAB: 0, integrity.MSI: 0} {
		place := places(10)[format]
		for n, want := range map[int]integrity.Status{MaxSignature - overhead: integrity.Bad, MaxSignature - overhead + 8: integrity.Unsupported} {
			s := place(blob[:min(n, len(blob))])
			if n > MaxSignature-overhead {
				s = place(append(bytes.Clone(blob), make([]byte, 8)...)[:n])
			}
			got := v.Verify(s, s.size, nil)
			require.Equal(t, want, got.Status, "%s, %d: %+v", format, n, got)
		}
	}

	signature := file{name: "\x05DigitalSignature", content: []byte{0x30, 0}}
	streams := []file{signature}
	for range MaxEntries - 2 { // the root is one, too
		streams = append(streams, file{name: "x"})
	}
	got := v.Verify(compoundFile(12, streams), compoundFile(12, streams).size, nil)
	require.Contains(t, got.Detail, "two entries", "%+v", got)
	streams = append(streams, file{name: "x"})
	got = v.Verify(compoundFile(12, streams), compoundFile(12, streams).size, nil)
	require.Contains(t, got.Detail, "at most 65536", "%+v", got)

	// Storages in storages: each stream becomes the child of the one before.
	for depth, want := range map[int]string{MaxDepth: "", MaxDepth + 1: "more than 16 deep"} {
		d := directory{{kind: kindRoot, name: nameRoot, left: noEntry, right: noEntry, child: 1, times: make([]byte, 16)}}
		for i := range depth {
			d = append(d, entry{name: utf16Name("s"), kind: kindStorage, left: noEntry, right: noEntry, child: uint32(i + 2)})
		}
		d[depth].child = noEntry
		if err := d.build(); want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}

// TestOneSignerOnly: who else signed, and what, would be anybody's guess.
func TestOneSignerOnly(t *testing.T) {
	_, signer, _ := cms.Read(vendorForgeryFor(integrity.PE).signerInfo(t, nil)).Next()
	for n, want := range map[int]string{0: "not well-formed DER", 2: "more than one signer"} {
		got := verify(newVerifier(t, everybody().signer()), inPE(withSigner(nil, bytes.Repeat(signer, n))))
		require.Equal(t, integrity.Bad, got.Status)
		require.Contains(t, got.Detail, want)
	}
}

// vendorForgeryFor has SHA-256 named, as signedData would.
func vendorForgeryFor(format integrity.Format) forgery {
	f := vendorForgery()
	f.digest, f.content = integrity.SHA256, indirectData(format, integrity.SHA256, make([]byte, 32))
	return f
}

// TestLimitOfSignaturesInAll counts those nested in one entry of a program's
// table and the other entries.
func TestLimitOfSignaturesInAll(t *testing.T) {
	f := vendorForgeryFor(integrity.PE)
	one := f.signedData(t)
	f.others = [][]byte{attr(oidNested, one, one, one)}
	for n, want := range map[int]string{MaxSignatures - 4: "", MaxSignatures - 3: "more than 8 signatures"} {
		l := &layout{format: integrity.PE, signatures: [][]byte{f.signedData(t)}}
		for range n {
			l.signatures = append(l.signatures, one)
		}
		all, err := parseSignatures(l, cms.NewFile(rules, nil))
		if want == "" {
			require.NoError(t, err)
			require.Len(t, all, MaxSignatures)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}
