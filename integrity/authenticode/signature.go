package authenticode

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"hash"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// signature is one signature of a file.
type signature struct {
	nested bool
	signer signerInfo
	data   der // what is signed
	digest integrity.Algorithm
	sum    []byte // of the file
	stamps []stamp
	err    error // why it cannot be judged any further
}

// What a signature says it is over. Tools for firmware write something else, so for programs and cabinets only a type of
// another format is wrong: what is digested begins with the format's mark.
var dataTypes = map[integrity.Format]objectID{
	integrity.PE:  oid("1.3.6.1.4.1.311.2.1.15"),
	integrity.MSI: oid("1.3.6.1.4.1.311.2.1.30"),
	integrity.CAB: oid("1.3.6.1.4.1.311.2.1.25"),
}

// subjectInstaller is what signs and verifies packages: 000C10F1-0000-0000-C000-000000000046. Signatures of scripts are
// over data of the same type and by another subject interface.
var subjectInstaller = []byte("\xf1\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")

// maxPadding is how many zeros may follow a signature: as many as align it.
const maxPadding = 7

// parseSignatures reads the signatures of a file, each followed by those nested in it, and notes their certificates.
// It never returns none without an error.
func parseSignatures(f *layout, pool *pool) (all []*signature, err error) {
	tooMany := unsupported("the file has more than %d signatures", MaxSignatures)
	for _, blob := range f.signatures {
		if len(all) == MaxSignatures {
			return nil, tooMany
		}
		first := len(all)
		s, rest := parseSignature(blob, f.format, pool)
		all = append(all, s)
		if s.err == nil && (len(rest) > maxPadding || len(bytes.Trim(rest, "\x00")) > 0) {
			s.err = broken("there are %d bytes after it, in a place that no signature covers", len(rest))
		}
		if s.signer.signature == nil {
			continue
		}
		nested, err := s.signer.unsigned(oidNested)
		if err != nil {
			all[first].err = err
			continue
		}
		for _, blob := range nested {
			if len(all) == MaxSignatures {
				return nil, tooMany
			}
			n, rest := parseSignature(blob, f.format, pool)
			n.nested = true
			if n.err == nil && len(rest) > 0 {
				n.err = errDER
			}
			if deeper, _ := n.signer.unsigned(oidNested); n.err == nil && len(deeper) > 0 {
				n.err = unsupported("there are signatures nested in a nested one")
			}
			all = append(all, n)
		}
	}
	for _, s := range all {
		if s.err == nil {
			s.stamps, s.err = parseStamps(s.signer, pool)
		}
	}
	return all, nil
}

func parseSignature(blob []byte, format integrity.Format, pool *pool) (s *signature, rest []byte) {
	s = &signature{}
	sd, rest, err := parseSignedData(blob, oidIndirectData, pool)
	if err != nil {
		s.err = err
		return s, nil
	}
	s.signer, s.data = sd.signer, sd.content
	s.digest, s.sum, s.err = parseIndirectData(sd.content, format)
	return s, rest
}

// parseIndirectData reads which digest of the file is signed.
func parseIndirectData(d der, format integrity.Format) (integrity.Algorithm, []byte, error) {
	about, err := d.take(tagSequence)
	if err != nil {
		return 0, nil, err
	}
	id, err := about.take(tagOID)
	if err != nil {
		return 0, nil, err
	}
	for other, known := range dataTypes {
		if objectID(id) == known && other != format {
			return 0, nil, broken("it is over a file of format %s, and this is %s", other, format)
		}
	}
	if format == integrity.MSI && !overInstaller(objectID(id), about) {
		return 0, nil, broken("it is over a script or something else that is no package")
	}
	digest, err := d.take(tagSequence)
	if err != nil || len(d) > 0 {
		return 0, nil, errDER
	}
	return digest.digestInfo()
}

// overInstaller tells whether a signature says that it is over a package. What is digested of one is content that may
// begin with anything and be cut into streams anywhere, so all else that the signer signed would fit, too.
func overInstaller(id objectID, about der) bool {
	if id != dataTypes[integrity.MSI] {
		return false
	}
	info, err := about.take(tagSequence)
	if err != nil {
		return false
	}
	if _, err := info.take(tagInteger); err != nil { // version
		return false
	}
	subject, err := info.take(tagOctets)
	return err == nil && bytes.Equal(subject, subjectInstaller)
}

// digestInfo reads a digest algorithm and a digest of its length.
func (d *der) digestInfo() (integrity.Algorithm, []byte, error) {
	id, err := d.algorithm()
	if err != nil {
		return 0, nil, err
	}
	sum, err := d.take(tagOctets)
	if err != nil || len(*d) > 0 {
		return 0, nil, errDER
	}
	alg, known := digests[id]
	if !known {
		return 0, nil, unsupported("its digest algorithm %s is not known", id)
	}
	if len(sum) != alg.Size() {
		return 0, nil, broken("its %s digest has %d bytes", alg, len(sum))
	}
	return alg, sum, nil
}

// check wants the signer's signature to hold over the content, whoever it is, and returns the signer's certificate.
// An empty contentType is one that need not be named, and may be any.
func (p *pool) check(s signerInfo, content []byte, contentType objectID) (*certificate, error) {
	if contentType != "" {
		if _, _, id, err := s.one(oidContentType); err != nil {
			return nil, err
		} else if objectID(id) != contentType {
			return nil, broken("its signer signed a content of type %s", objectID(id))
		}
	}
	_, _, sum, err := s.one(oidMessageDigest)
	if err != nil {
		return nil, err
	}
	if !matches(s.digest, content, sum) {
		return nil, broken("its signed digest is not that of its content")
	}
	signer := p.find(s)
	switch {
	case signer == nil && p.unreadable > 0:
		return nil, unsupported("its signer's certificate cannot be read")
	case signer == nil:
		return nil, broken("its signer's certificate is missing")
	}
	// What carries no trust is checked all the same where that is cheap, so that a change in it is noticed.
	key, isRSA := signer.PublicKey.(*rsa.PublicKey)
	if signer.weak == "" || isRSA && key.N.BitLen() >= 1024 && key.N.BitLen() <= MaxRSA {
		if err := p.spend(1); err != nil {
			return nil, err
		}
		if err := s.verify(signer); err != nil {
			return nil, err
		}
	}
	if s.digest.Legacy() {
		return nil, untrusted("it is made with %s, which carries no trust", s.digest)
	}
	if signer.weak != "" {
		return nil, untrusted("the certificate of %.200q has %s", signer.Subject, signer.weak)
	}
	return signer, nil
}

// verify wants the signature to be by the signer's key.
func (s signerInfo) verify(signer *certificate) error {
	var err error
	if s.digest.Legacy() {
		key, isRSA := signer.PublicKey.(*rsa.PublicKey)
		if !isRSA || s.algorithm == oidRSAPSS {
			return untrusted("it is made with %s, which carries no trust", s.digest)
		}
		h := newHash(s.digest)
		h.Write(s.signed)
		err = rsa.VerifyPKCS1v15(key, map[integrity.Algorithm]crypto.Hash{integrity.SHA1: crypto.SHA1, integrity.MD5: crypto.MD5}[s.digest], h.Sum(nil), s.signature)
	} else {
		scheme, unknown := s.scheme(signer.PublicKeyAlgorithm)
		if unknown != nil {
			return unknown
		}
		err = signer.CheckSignature(scheme, s.signed, s.signature)
	}
	if err != nil {
		return broken("the key of %.200q did not make it", signer.Subject)
	}
	return nil
}

// scheme is how the signer signed, by the names it gives.
func (s signerInfo) scheme(key x509.PublicKeyAlgorithm) (x509.SignatureAlgorithm, error) {
	alg, both := combined[s.algorithm]
	for _, w := range []struct {
		digest          integrity.Algorithm
		rsa, pss, ecdsa x509.SignatureAlgorithm
	}{
		{integrity.SHA256, x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256},
		{integrity.SHA384, x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384},
		{integrity.SHA512, x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512},
	} {
		switch {
		case w.digest != s.digest:
		case key == x509.RSA && (s.algorithm == oidRSA || both && alg == w.rsa):
			return w.rsa, nil
		case key == x509.RSA && s.algorithm == oidRSAPSS: // its parameters are as usual, or it does not hold
			return w.pss, nil
		case key == x509.ECDSA && (s.algorithm == oidECDSA || both && alg == w.ecdsa):
			return w.ecdsa, nil
		}
	}
	return 0, unsupported("it is made by algorithm %s with %s and a key of kind %s", s.algorithm, s.digest, key)
}

// newHash returns the hash of an algorithm.
func newHash(a integrity.Algorithm) hash.Hash {
	switch a {
	case integrity.SHA384:
		return sha512.New384()
	case integrity.SHA512:
		return sha512.New()
	case integrity.SHA1:
		return sha1.New() // for reports; it carries no trust
	case integrity.MD5:
		return md5.New() // likewise
	default:
		return sha256.New()
	}
}

func matches(a integrity.Algorithm, content, sum []byte) bool {
	h := newHash(a)
	h.Write(content)
	return subtle.ConstantTimeCompare(h.Sum(nil), sum) == 1
}

// asRefusal makes a refusal of an error of the readers of signatures.
func asRefusal(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return broken("%v", err)
}
