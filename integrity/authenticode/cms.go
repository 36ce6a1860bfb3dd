package authenticode

import (
	"bytes"
	"crypto/x509"
	"slices"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// What a signature names.
var (
	oidSignedData   = oid("1.2.840.113549.1.7.2")
	oidIndirectData = oid("1.3.6.1.4.1.311.2.1.4")
	oidTimestamp    = oid("1.2.840.113549.1.9.16.1.4") // id-ct-TSTInfo

	oidContentType      = oid("1.2.840.113549.1.9.3")
	oidMessageDigest    = oid("1.2.840.113549.1.9.4")
	oidSigningTime      = oid("1.2.840.113549.1.9.5")
	oidCountersignature = oid("1.2.840.113549.1.9.6")
	oidTimestampToken   = oid("1.3.6.1.4.1.311.3.3.1")
	oidNested           = oid("1.3.6.1.4.1.311.2.4.1")
	oidOpusInfo         = oid("1.3.6.1.4.1.311.2.1.12")

	oidRSA    = oid("1.2.840.113549.1.1.1")
	oidRSAPSS = oid("1.2.840.113549.1.1.10")
	oidECDSA  = oid("1.2.840.10045.2.1")
)

// digests are the digest algorithms a signature may name. Only those that are not Legacy carry trust (INT-7).
var digests = map[objectID]integrity.Algorithm{
	oid("2.16.840.1.101.3.4.2.1"): integrity.SHA256,
	oid("2.16.840.1.101.3.4.2.2"): integrity.SHA384,
	oid("2.16.840.1.101.3.4.2.3"): integrity.SHA512,
	oid("1.3.14.3.2.26"):          integrity.SHA1,
	oid("1.2.840.113549.2.5"):     integrity.MD5,
}

// combined are the signature algorithms that name their digest, too.
var combined = map[objectID]x509.SignatureAlgorithm{
	oid("1.2.840.113549.1.1.11"): x509.SHA256WithRSA,
	oid("1.2.840.113549.1.1.12"): x509.SHA384WithRSA,
	oid("1.2.840.113549.1.1.13"): x509.SHA512WithRSA,
	oid("1.2.840.10045.4.3.2"):   x509.ECDSAWithSHA256,
	oid("1.2.840.10045.4.3.3"):   x509.ECDSAWithSHA384,
	oid("1.2.840.10045.4.3.4"):   x509.ECDSAWithSHA512,
}

// signedData is a PKCS #7 SignedData with one signer.
type signedData struct {
	content der // of the signed element, without its tag and length: what the digest is over
	signer  signerInfo
}

// parseSignedData reads a ContentInfo with a SignedData, in which it wants the content type, and notes its certificates.
// It returns what follows in blob.
func parseSignedData(blob []byte, contentType objectID, pool *pool) (out *signedData, rest []byte, err error) {
	whole, rest, err := toDER(blob)
	if err != nil {
		return nil, nil, err
	}
	sd, err := unwrap(whole)
	if err != nil {
		return nil, nil, err
	}
	out = &signedData{}
	named, err := sd.digestAlgorithms()
	if err == nil {
		out.content, err = sd.signedContent(contentType)
	}
	if err == nil {
		err = sd.certificates(pool)
	}
	if err == nil {
		out.signer, err = sd.onlySigner()
	}
	if err == nil && !slices.ContainsFunc(named, func(id objectID) bool { return digests[id] == out.signer.digest }) {
		err = broken("it does not name its signer's digest algorithm, %s", out.signer.digest)
	}
	return out, rest, err
}

// unwrap returns the content of the SignedData in a ContentInfo.
func unwrap(d der) (der, error) {
	outer, err := d.take(tagSequence)
	if err != nil {
		return nil, err
	}
	if id, err := outer.take(tagOID); err != nil || objectID(id) != oidSignedData {
		return nil, broken("it is no PKCS #7 SignedData")
	}
	explicit, err := outer.take(tagContext0)
	if err != nil {
		return nil, err
	}
	sd, err := explicit.take(tagSequence)
	if err != nil || len(explicit) > 0 || len(outer) > 0 {
		return nil, errDER
	}
	return sd, nil
}

// digestAlgorithms reads the beginning of a SignedData.
func (d *der) digestAlgorithms() (named []objectID, err error) {
	if err := d.version(1, 2, 3, 4, 5); err != nil {
		return nil, err
	}
	algorithms, err := d.take(tagSet)
	if err != nil {
		return nil, err
	}
	for len(algorithms) > 0 {
		id, err := algorithms.algorithm()
		if err != nil || len(named) == len(digests) {
			return nil, errDER
		}
		named = append(named, id)
	}
	return named, nil
}

// signedContent reads what is signed, which must be of the type.
func (d *der) signedContent(contentType objectID) (der, error) {
	info, err := d.take(tagSequence)
	if err != nil {
		return nil, err
	}
	if id, err := info.take(tagOID); err != nil {
		return nil, err
	} else if objectID(id) != contentType {
		return nil, unsupported("what is signed is of type %s, not %s", objectID(id), contentType)
	}
	explicit, err := info.take(tagContext0)
	if err != nil {
		return nil, err
	}
	tag := byte(tagSequence)
	if contentType == oidTimestamp {
		tag = tagOctets
	}
	content, err := explicit.take(tag)
	if err != nil || len(explicit) > 0 || len(info) > 0 {
		return nil, errDER
	}
	return content, nil
}

// certificates notes the certificates, if there are any, and skips revocation lists.
func (d *der) certificates(pool *pool) error {
	if d.has(tagContext0) {
		all, err := d.take(tagContext0)
		if err != nil {
			return err
		}
		for len(all) > 0 {
			tag, cert, _, err := all.next()
			if err != nil {
				return err
			}
			if tag != tagSequence { // no X.509 certificate
				continue
			}
			if err := pool.add(cert); err != nil {
				return err
			}
		}
	}
	if d.has(tagContext1) {
		if _, err := d.take(tagContext1); err != nil {
			return err
		}
	}
	return nil
}

// onlySigner reads the end of a SignedData.
func (d *der) onlySigner() (signerInfo, error) {
	signers, err := d.take(tagSet)
	if err != nil || len(*d) > 0 {
		return signerInfo{}, errDER
	}
	si, err := signers.take(tagSequence)
	if err != nil {
		return signerInfo{}, err
	}
	if len(signers) > 0 {
		return signerInfo{}, broken("it has more than one signer")
	}
	return parseSigner(si)
}

// signerInfo is what one signer signed, and how.
type signerInfo struct {
	issuer, serial []byte // of the signer's certificate, or
	keyID          []byte // its key's identifier
	digest         integrity.Algorithm
	signed         []byte      // the authenticated attributes as they are signed
	attributes     []attribute // the same
	algorithm      objectID
	signature      []byte
	others         []attribute // not signed
}

type attribute struct {
	id     objectID
	values der
}

// parseSigner reads the content of a SignerInfo.
func parseSigner(d der) (s signerInfo, err error) {
	if err := d.version(1, 3); err != nil {
		return s, err
	}
	switch {
	case d.has(tagSequence):
		id, err := d.take(tagSequence)
		if err != nil {
			return s, err
		}
		tag, issuer, _, err := id.next()
		if err != nil || tag != tagSequence {
			return s, errDER
		}
		s.issuer = issuer
		if s.serial, err = id.take(tagInteger); err != nil || len(id) > 0 {
			return s, errDER
		}
	default:
		if s.keyID, err = d.take(tagContext); err != nil {
			return s, err
		}
	}
	id, err := d.algorithm()
	if err != nil {
		return s, err
	}
	if s.digest = digests[id]; s.digest == 0 {
		return s, unsupported("its digest algorithm %s is not known", id)
	}
	if !d.has(tagContext0) {
		return s, broken("it has no authenticated attributes")
	}
	_, signed, body, err := d.next()
	if err != nil {
		return s, err
	}
	s.signed = bytes.Clone(signed)
	s.signed[0] = tagSet // as such it is signed
	if s.attributes, err = parseAttributes(body); err != nil {
		return s, err
	}
	if s.algorithm, err = d.algorithm(); err != nil {
		return s, err
	}
	if s.signature, err = d.take(tagOctets); err != nil {
		return s, err
	}
	if d.has(tagContext1) {
		others, err := d.take(tagContext1)
		if err != nil {
			return s, err
		}
		if s.others, err = parseAttributes(others); err != nil {
			return s, err
		}
	}
	if len(d) > 0 {
		return s, errDER
	}
	return s, nil
}

func parseAttributes(d der) (all []attribute, err error) {
	for len(d) > 0 {
		if len(all) == MaxAttributes {
			return nil, unsupported("it has more than %d attributes", MaxAttributes)
		}
		seq, err := d.take(tagSequence)
		if err != nil {
			return nil, err
		}
		id, err := seq.take(tagOID)
		if err != nil {
			return nil, err
		}
		values, err := seq.take(tagSet)
		if err != nil || len(seq) > 0 {
			return nil, errDER
		}
		all = append(all, attribute{objectID(id), values})
	}
	return all, nil
}

// one returns the only value of the attribute, which must be there once.
func (s signerInfo) one(id objectID) (tag byte, whole []byte, body der, err error) {
	found := false
	for _, a := range s.attributes {
		if a.id != id {
			continue
		}
		if found {
			return 0, nil, nil, broken("its attribute %s occurs twice", id)
		}
		found = true
		values := a.values
		if tag, whole, body, err = values.next(); err != nil || len(values) > 0 {
			return 0, nil, nil, broken("its attribute %s has not one value", id)
		}
	}
	if !found {
		return 0, nil, nil, broken("it lacks the attribute %s", id)
	}
	return tag, whole, body, nil
}

// unsigned lists the values of an attribute that is not signed.
func (s signerInfo) unsigned(id objectID) (values [][]byte, err error) {
	for _, a := range s.others {
		if a.id != id {
			continue
		}
		for d := a.values; len(d) > 0; {
			_, whole, _, err := d.next()
			if err != nil {
				return nil, err
			}
			values = append(values, whole)
		}
	}
	return values, nil
}
