package cms

import (
	"bytes"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"math/big"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Verify requires the signer's signature to hold over the content, whoever signed, and returns
// the signer's certificate.
func (f *File) Verify(s *Signer, content []byte, contentType OID) (*Certificate, error) {
	if _, id, err := s.Signed(oidContentType, TagOID); err != nil {
		return nil, err
	} else if OID(id) != contentType {
		return nil, Broken("its signer signed a content of type %s", OID(id))
	}
	return f.verify(s, content)
}

// verify is Verify for any content type. Its refusal decides unless the signature holds or is of
// a kind that is not checked.
func (f *File) verify(s *Signer, content []byte) (*Certificate, error) {
	if err := f.work(len(content) + len(s.signed)); err != nil {
		return nil, err
	}
	signed := s.signed
	if len(signed) == 0 {
		signed = content
	} else if _, sum, err := s.Signed(oidMessageDigest, TagOctets); err != nil {
		return nil, err
	} else if !matches(s.Digest, content, sum) {
		return nil, Broken("its signed digest is not that of its content")
	}
	signer := f.Find(s)
	switch {
	case signer == nil && f.Unreadable > 0:
		return nil, Unsupported("its signer's certificate cannot be read")
	case signer == nil:
		return nil, Broken("its signer's certificate is missing")
	}
	// Check even what carries no trust, where that is cheap, to detect changes.
	key, isRSA := signer.PublicKey.(*rsa.PublicKey)
	if signer.Weak == "" || isRSA && key.N.BitLen() >= 1024 && key.N.BitLen() <= f.rules.MaxRSA {
		if err := f.check(1); err != nil {
			return nil, err
		}
		if err := s.by(signer, signed); err != nil {
			return nil, err
		}
	}
	switch {
	case s.Digest.Legacy():
		return nil, Untrusted("it is made with %s, which carries no trust", s.Digest)
	case signer.Weak != "":
		return nil, Untrusted("the certificate of %.200q has %s", signer.Holder(), signer.Weak)
	case len(s.signed) == 0:
		return nil, Untrusted("it has no signed attributes")
	}
	return signer, nil
}

// by requires the signature over signed to be by the signer's key.
func (s *Signer) by(signer *Certificate, signed []byte) error {
	key, isRSA := signer.PublicKey.(*rsa.PublicKey)
	isRSA = isRSA && s.algorithm != oidRSAPSS
	if s.Digest.Legacy() && !isRSA {
		return nil
	}
	if !s.Digest.Legacy() {
		scheme, err := s.scheme(signer.PublicKeyAlgorithm)
		if err != nil {
			return err
		}
		if signer.CheckSignature(scheme, signed, s.Signature) == nil {
			return nil
		}
	}
	old := integrity.Algorithm(0)
	if isRSA {
		old = oldPKCS1(key, signed, s.Signature)
	}
	switch {
	case old == 0:
		return Broken("the key of %.200q did not make it", signer.Holder())
	case old == s.Digest && old.Legacy():
		return nil
	default:
		return Untrusted("it is made with %s in a way that carries no trust", old)
	}
}

// oldPKCS1 returns the digest that an RSA key signed in an old way, or zero if the key did not
// make the signature. Old ways are the bare SHA-1 (VeriSign and Symantec until 2020), MD5
// followed by SHA-1, a digest named without parameters, and another digest than that of the
// attributes.
func oldPKCS1(key *rsa.PublicKey, signed, signature []byte) integrity.Algorithm {
	if len(signature) != key.Size() {
		return 0
	}
	made := new(big.Int).Exp(new(big.Int).SetBytes(signature), big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
	padding, ok := bytes.CutPrefix(made, []byte{0, 1})
	padding, payload, found := bytes.Cut(padding, []byte{0})
	if !ok || !found || len(padding) < 8 || len(bytes.Trim(padding, "\xff")) > 0 {
		return 0
	}
	if n := integrity.MD5.Size(); len(payload) == n+integrity.SHA1.Size() && matches(integrity.MD5, signed, payload[:n]) {
		payload = payload[n:]
	}
	info := Read(payload)
	if a, sum := info.Only(TagSequence).DigestInfo(); info.Err() == nil {
		if matches(a, signed, sum) {
			return a
		}
		return 0
	}
	for _, a := range digests {
		if len(payload) == a.Size() && matches(a, signed, payload) {
			return a
		}
	}
	return 0
}

// Signature algorithms that leave the digest to the signer.
var (
	oidRSA     = NewOID("1.2.840.113549.1.1.1")
	oidRSAPSS  = NewOID("1.2.840.113549.1.1.10") // with the usual parameters, or it does not hold
	oidECDSA   = NewOID("1.2.840.10045.2.1")
	oidEd25519 = NewOID("1.3.101.112")
)

// schemes are the signature schemes by algorithm and digest; zero: none.
var schemes = map[OID]struct {
	key                    x509.PublicKeyAlgorithm
	sha256, sha384, sha512 x509.SignatureAlgorithm
}{
	oidRSA:                          {x509.RSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA},
	oidRSAPSS:                       {x509.RSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS},
	oidECDSA:                        {x509.ECDSA, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512},
	oidEd25519:                      {x509.Ed25519, x509.PureEd25519, x509.PureEd25519, x509.PureEd25519},
	NewOID("1.2.840.113549.1.1.11"): {key: x509.RSA, sha256: x509.SHA256WithRSA},
	NewOID("1.2.840.113549.1.1.12"): {key: x509.RSA, sha384: x509.SHA384WithRSA},
	NewOID("1.2.840.113549.1.1.13"): {key: x509.RSA, sha512: x509.SHA512WithRSA},
	NewOID("1.2.840.10045.4.3.2"):   {key: x509.ECDSA, sha256: x509.ECDSAWithSHA256},
	NewOID("1.2.840.10045.4.3.3"):   {key: x509.ECDSA, sha384: x509.ECDSAWithSHA384},
	NewOID("1.2.840.10045.4.3.4"):   {key: x509.ECDSA, sha512: x509.ECDSAWithSHA512},
}

func (s *Signer) scheme(key x509.PublicKeyAlgorithm) (x509.SignatureAlgorithm, error) {
	by := schemes[s.algorithm]
	scheme := map[integrity.Algorithm]x509.SignatureAlgorithm{integrity.SHA256: by.sha256, integrity.SHA384: by.sha384, integrity.SHA512: by.sha512}[s.Digest]
	if scheme == 0 || by.key != key {
		return 0, Unsupported("it is made by algorithm %s with %s and a key of kind %s", s.algorithm, s.Digest, key)
	}
	return scheme, nil
}

func matches(a integrity.Algorithm, content, sum []byte) bool {
	h := a.Hash().New()
	h.Write(content)
	return subtle.ConstantTimeCompare(h.Sum(nil), sum) == 1
}

// DigestInfo reads a digest algorithm, a digest of its length, and nothing else.
func (r *Reader) DigestInfo() (integrity.Algorithm, []byte) {
	id := r.algorithm()
	sum := r.Only(TagOctets).left
	alg, known := digests[id]
	if !known {
		r.Fail(Unsupported("its digest algorithm %s is not known", id))
	}
	if len(sum) != alg.Size() {
		r.Fail(Broken("its %s digest has %d bytes", alg, len(sum)))
	}
	return alg, sum
}
