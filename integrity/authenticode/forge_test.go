package authenticode

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// A small signer of our own, for what no program would sign: broken structures,
// bombs, files of any size.

func cat(parts ...[]byte) []byte          { return slices.Concat(parts...) }
func seq(parts ...[]byte) []byte          { return cms.Encode(cms.TagSequence, cat(parts...)) }
func set(parts ...[]byte) []byte          { return cms.Encode(cms.TagSet, cat(parts...)) }
func octets(b []byte) []byte              { return cms.Encode(cms.TagOctets, b) }
func object(id cms.OID) []byte            { return cms.Encode(cms.TagOID, []byte(id)) }
func number(n byte) []byte                { return cms.Encode(cms.TagInteger, []byte{n}) }
func attr(id cms.OID, v ...[]byte) []byte { return seq(object(id), set(v...)) }

// algorithmID names an algorithm.
func algorithmID(id cms.OID) []byte { return seq(object(id), []byte{5, 0}) }

// What a signature names, as in the standards.
var (
	oidSignedData         = cms.NewOID("1.2.840.113549.1.7.2")
	oidContentType        = cms.NewOID("1.2.840.113549.1.9.3")
	oidMessageDigest      = cms.NewOID("1.2.840.113549.1.9.4")
	oidSigningTime        = cms.NewOID("1.2.840.113549.1.9.5")
	oidCountersignature   = cms.NewOID("1.2.840.113549.1.9.6")
	oidSigningCertificate = cms.NewOID("1.2.840.113549.1.9.16.2.47")
	oidMicrosoftTimestamp = cms.NewOID("1.3.6.1.4.1.311.3.3.1")
	oidRSA                = cms.NewOID("1.2.840.113549.1.1.1")
	oidRSAPSS             = cms.NewOID("1.2.840.113549.1.1.10")
	oidECDSA              = cms.NewOID("1.2.840.10045.2.1")
)

const (
	tagConstructed = 0x20
	indefinite     = 0x80 // a length that an end mark tells
)

func digestOID(a integrity.Algorithm) cms.OID {
	return map[integrity.Algorithm]cms.OID{
		integrity.SHA256: cms.NewOID("2.16.840.1.101.3.4.2.1"), integrity.SHA384: cms.NewOID("2.16.840.1.101.3.4.2.2"),
		integrity.SHA512: cms.NewOID("2.16.840.1.101.3.4.2.3"), integrity.SHA1: cms.NewOID("1.3.14.3.2.26"),
	}[a]
}

func sumOf(a integrity.Algorithm, b []byte) []byte {
	h := a.Hash().New()
	h.Write(b)
	return h.Sum(nil)
}

// forgery says how to make a SignedData. The zero value of a field is what is right.
type forgery struct {
	who         identity
	certs       []identity
	digest      integrity.Algorithm // SHA-256
	contentType cms.OID
	content     []byte // the element that is signed
	attributes  func([][]byte) [][]byte
	others      [][]byte // attributes that are not signed
	stampedBy   *identity
	stampedAt   time.Time // now
	legacyStamp bool
	scheme      cms.OID // by the key: RSA or ECDSA
	looseStamp  bool    // its lengths are given by end marks
	byKeyID     bool    // the signer is named by its key, not by issuer and serial number
}

func (f forgery) signedData(t testing.TB) []byte {
	t.Helper()
	if f.digest == 0 {
		f.digest = integrity.SHA256
	}
	r := cms.Read(f.content)
	_, _, body := r.Next()
	require.NoError(t, r.Err())
	attributes := [][]byte{attr(oidContentType, object(f.contentType)), attr(oidMessageDigest, octets(sumOf(f.digest, body.Rest())))}
	if f.contentType == cms.OIDTimestampInfo {
		attributes = append(attributes, attr(oidSigningCertificate, seq(seq(seq(octets(sumOf(integrity.SHA256, f.who.cert.Raw)))))))
	}
	si := f.signerInfo(t, attributes)
	var certs []byte
	for _, c := range append([]identity{f.who}, f.certs...) {
		certs = append(certs, c.cert.Raw...)
	}
	return seq(object(oidSignedData), cms.Encode(cms.TagContext0, seq(
		number(1), set(algorithmID(digestOID(f.digest))), seq(object(f.contentType), cms.Encode(cms.TagContext0, f.content)),
		cms.Encode(cms.TagContext0, certs), set(si))))
}

func (f forgery) signerInfo(t testing.TB, attributes [][]byte) []byte {
	t.Helper()
	if f.attributes != nil {
		attributes = f.attributes(attributes)
	}
	hash := map[integrity.Algorithm]crypto.Hash{integrity.SHA256: crypto.SHA256, integrity.SHA384: crypto.SHA384, integrity.SHA512: crypto.SHA512, integrity.SHA1: crypto.SHA1}[f.digest]
	scheme, options := f.scheme, crypto.SignerOpts(hash)
	switch {
	case scheme == oidRSAPSS:
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	case scheme == "" && f.who.cert.PublicKeyAlgorithm == x509.ECDSA:
		scheme = oidECDSA
	case scheme == "":
		scheme = oidRSA
	}
	signature, err := f.who.key.Sign(rand.Reader, sumOf(f.digest, set(attributes...)), options)
	require.NoError(t, err)
	others := f.others
	if f.stampedBy != nil {
		at := f.stampedAt
		if at.IsZero() {
			at = now
		}
		s := forgery{who: *f.stampedBy, digest: integrity.SHA256, contentType: cms.OIDTimestampInfo}
		if f.legacyStamp {
			others = append(others, attr(oidCountersignature, s.signerInfo(t, [][]byte{
				attr(oidContentType, object(cms.NewOID("1.2.840.113549.1.7.1"))), attr(oidMessageDigest, octets(sumOf(integrity.SHA256, signature))),
				attr(oidSigningTime, cms.Encode(cms.TagUTCTime, []byte(at.Format("060102150405Z")))),
			})))
		} else {
			s.content = octets(seq(number(1), object(cms.NewOID("1.2.3.4")), seq(algorithmID(digestOID(integrity.SHA256)), octets(sumOf(integrity.SHA256, signature))),
				number(7), cms.Encode(cms.TagTime, []byte(at.Format("20060102150405Z")))))
			token := s.signedData(t)
			if f.looseStamp {
				token = loose(t, cms.Read(token))
			}
			others = append(others, attr(oidMicrosoftTimestamp, token))
		}
	}
	name := seq(f.who.cert.RawIssuer, cms.Encode(cms.TagInteger, f.who.cert.SerialNumber.Bytes()))
	if f.byKeyID {
		name = cms.Encode(cms.TagContext, f.who.cert.SubjectKeyId)
	}
	si := cat(number(1), name, algorithmID(digestOID(f.digest)),
		cms.Encode(cms.TagContext0, cat(attributes...)), algorithmID(scheme), octets(signature))
	if len(others) > 0 {
		si = append(si, cms.Encode(cms.TagContext1, cat(others...))...)
	}
	return seq(si)
}

// indirectData is what a signature of a file is over.
func indirectData(format integrity.Format, a integrity.Algorithm, sum []byte) []byte {
	var about []byte
	switch format {
	case integrity.PE: // no flags, and a link to nowhere
		about = seq(cms.Encode(0x03, []byte{0}), cms.Encode(cms.TagContext0, cms.Encode(cms.TagContext0+2, cms.Encode(cms.TagContext, nil))))
	case integrity.MSI:
		about = subjectInfo(subjectInstaller)
	}
	return dataOver(dataTypes[format], about, a, sum)
}

// dataOver is what a signature is over that names the data's type and says something about it.
func dataOver(id cms.OID, about []byte, a integrity.Algorithm, sum []byte) []byte {
	return seq(seq(object(id), about), seq(algorithmID(digestOID(a)), octets(sum)))
}

// vendorForgery is a right one, by the vendor, stamped.
func vendorForgery() forgery {
	p := everybody()
	return forgery{who: p.vendor, certs: []identity{p.ca, p.stamper}, contentType: oidIndirectData, stampedBy: &p.stamper}
}
