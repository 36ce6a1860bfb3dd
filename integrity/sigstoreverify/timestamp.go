package sigstoreverify

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // only names certificates in older tokens
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// timestamp is a token by which an authority says when it saw something (RFC 3161), in a CMS message (RFC 5652).
// Only DER is read.
type timestamp struct {
	at           time.Time // UTC
	imprint      []byte    // digest of what was seen
	imprintHash  crypto.Hash
	content      []byte // what is signed, over the attributes
	signer       signerInfo
	certificates []*x509.Certificate
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier `asn1:"set"`
	Content          struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	Revocations  asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []signerInfo  `asn1:"set"`
}

type signerInfo struct {
	Version            int
	ID                 asn1.RawValue
	DigestAlgorithm    pkix.AlgorithmIdentifier
	Attributes         asn1.RawValue `asn1:"tag:0"`
	SignatureAlgorithm pkix.AlgorithmIdentifier
	Signature          []byte
	Unsigned           asn1.RawValue `asn1:"optional,tag:1"`
}

type timestampInfo struct {
	Version int
	Policy  asn1.ObjectIdentifier
	Imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Serial     *big.Int
	Time       time.Time     `asn1:"generalized"`
	Accuracy   asn1.RawValue `asn1:"optional,tag:16"`
	Ordering   bool          `asn1:"optional"`
	Nonce      *big.Int      `asn1:"optional"`
	Authority  asn1.RawValue `asn1:"optional,tag:0"`
	Extensions asn1.RawValue `asn1:"optional,tag:1"`
}

var (
	signedDataOID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	timestampInfoOID = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}

	contentTypeOID   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	messageDigestOID = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	signerV1OID      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	signerV2OID      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

// timestampDigests are the digests that carry trust (INT-7).
var timestampDigests = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

func digestOf(a pkix.AlgorithmIdentifier) (crypto.Hash, error) {
	for _, d := range timestampDigests {
		if a.Algorithm.Equal(d.oid) {
			return d.hash, nil
		}
	}
	return 0, fmt.Errorf("the digest algorithm %v carries no trust", a.Algorithm)
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// exactly reads one value with nothing after it.
func exactly(b []byte, into any, params string) error {
	rest, err := asn1.UnmarshalWithParams(b, into, params)
	if err == nil && len(rest) > 0 {
		err = errors.New("more follows its end")
	}
	return err
}

// parseTimestamp reads a token, or an authority's answer with one in it, as bundles have it.
func parseTimestamp(b []byte) (*timestamp, error) {
	if len(b) > MaxTimestamp {
		return nil, fmt.Errorf("it has %d bytes; at most %d", len(b), MaxTimestamp)
	}
	var reply struct {
		Status struct {
			Status int
			Text   asn1.RawValue  `asn1:"optional,tag:16"`
			Fail   asn1.BitString `asn1:"optional"`
		}
		Token asn1.RawValue `asn1:"optional"`
	}
	if err := exactly(b, &reply, ""); err == nil {
		if reply.Status.Status != 0 && reply.Status.Status != 1 {
			return nil, fmt.Errorf("the authority refused (status %d)", reply.Status.Status)
		}
		b = reply.Token.FullBytes
	}
	var outer contentInfo
	if err := exactly(b, &outer, ""); err != nil {
		return nil, fmt.Errorf("not a timestamp: %w", err)
	}
	var data signedData
	if !outer.Type.Equal(signedDataOID) {
		return nil, errors.New("not a signed message")
	}
	if err := exactly(outer.Content.Bytes, &data, ""); err != nil {
		return nil, fmt.Errorf("not a signed message: %w", err)
	}
	if !data.Content.Type.Equal(timestampInfoOID) {
		return nil, errors.New("what is signed is no timestamp")
	}
	if len(data.Signers) != 1 {
		return nil, fmt.Errorf("%d signers; want one", len(data.Signers))
	}
	t := &timestamp{signer: data.Signers[0]}
	// Nobody signed this list, but others digest by it alone.
	named := false
	for _, a := range data.DigestAlgorithms {
		if _, err := digestOf(a); err != nil {
			return nil, err
		}
		named = named || a.Algorithm.Equal(t.signer.DigestAlgorithm.Algorithm)
	}
	if !named {
		return nil, errors.New("it does not list its digest algorithm")
	}
	if err := exactly(data.Content.Content.Bytes, &t.content, ""); err != nil {
		return nil, fmt.Errorf("what is signed is no timestamp: %w", err)
	}
	var info timestampInfo
	if err := exactly(t.content, &info, ""); err != nil {
		return nil, fmt.Errorf("what is signed is no timestamp: %w", err)
	}
	if info.Version != 1 {
		return nil, fmt.Errorf("version %d; want 1", info.Version)
	}
	var err error
	if t.imprintHash, err = digestOf(info.Imprint.Algorithm); err != nil {
		return nil, err
	}
	t.at, t.imprint = info.Time.UTC(), info.Imprint.Digest
	t.certificates, err = parseCertificates(data.Certificates.Bytes)
	return t, err
}

// parseCertificates reads certificates end to end.
func parseCertificates(b []byte) (out []*x509.Certificate, err error) {
	for len(b) > 0 {
		var one asn1.RawValue
		if b, err = asn1.Unmarshal(b, &one); err != nil {
			return nil, fmt.Errorf("its certificates: %w", err)
		}
		if len(out) == MaxCertificates {
			return nil, fmt.Errorf("more than %d certificates", MaxCertificates)
		}
		c, err := parseCertificate(one.FullBytes)
		if err != nil {
			return nil, fmt.Errorf("its certificate %d: %w", len(out), err)
		}
		out = append(out, c)
	}
	return out, nil
}

// attributes reads the signed attributes, each of which must be there once with one value.
func (s *signerInfo) attributes() (map[string][]byte, error) {
	out := map[string][]byte{}
	for rest := s.Attributes.Bytes; len(rest) > 0; {
		var a struct {
			Type   asn1.ObjectIdentifier
			Values []asn1.RawValue `asn1:"set"`
		}
		var err error
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return nil, fmt.Errorf("its attributes: %w", err)
		}
		name := a.Type.String()
		if _, twice := out[name]; twice || len(a.Values) != 1 {
			return nil, fmt.Errorf("the attribute %s has not one value", name)
		}
		out[name] = a.Values[0].FullBytes
	}
	return out, nil
}

// by finds the authority's certificate.
func (s *signerInfo) by(candidates []*x509.Certificate) (*x509.Certificate, error) {
	var id struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	byKey := s.ID.Class == asn1.ClassContextSpecific && s.ID.Tag == 0
	if !byKey {
		if err := exactly(s.ID.FullBytes, &id, ""); err != nil {
			return nil, fmt.Errorf("it does not name its signer: %w", err)
		}
	}
	for _, c := range candidates {
		if byKey && len(s.ID.Bytes) > 0 && bytes.Equal(s.ID.Bytes, c.SubjectKeyId) ||
			!byKey && id.Serial.Cmp(c.SerialNumber) == 0 && bytes.Equal(id.Issuer.FullBytes, c.RawIssuer) {
			return c, nil
		}
	}
	return nil, errors.New("its signer's certificate is not there")
}

// names says whether the signed attributes name the certificate, so that no other can stand in for it.
func names(attributes map[string][]byte, c *x509.Certificate) error {
	type certID struct {
		Algorithm pkix.AlgorithmIdentifier `asn1:"optional"`
		Digest    []byte
		Issuer    asn1.RawValue `asn1:"optional"`
	}
	var signers struct {
		IDs      []certID
		Policies asn1.RawValue `asn1:"optional"`
	}
	hash := crypto.SHA1
	value, ok := attributes[signerV2OID.String()]
	if ok {
		hash = crypto.SHA256
	} else if value, ok = attributes[signerV1OID.String()]; !ok {
		return errors.New("its attributes do not name its signer's certificate")
	}
	if err := exactly(value, &signers, ""); err != nil || len(signers.IDs) == 0 {
		return errors.New("its attributes do not name its signer's certificate well")
	}
	first := signers.IDs[0]
	if len(first.Algorithm.Algorithm) > 0 {
		var err error
		if hash, err = digestOf(first.Algorithm); err != nil {
			return err
		}
	}
	if !bytes.Equal(first.Digest, sum(hash, c.Raw)) {
		return errors.New("its attributes name another certificate")
	}
	return nil
}

// signatureAlgorithms are those that name their digest.
var signatureAlgorithms = map[string]x509.SignatureAlgorithm{
	"1.2.840.113549.1.1.11": x509.SHA256WithRSA,
	"1.2.840.113549.1.1.12": x509.SHA384WithRSA,
	"1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2":   x509.ECDSAWithSHA256,
	"1.2.840.10045.4.3.3":   x509.ECDSAWithSHA384,
	"1.2.840.10045.4.3.4":   x509.ECDSAWithSHA512,
	"1.3.101.112":           x509.PureEd25519,
}

// algorithm is how the signature was made.
func (s *signerInfo) algorithm(digest crypto.Hash) (x509.SignatureAlgorithm, error) {
	name := s.SignatureAlgorithm.Algorithm.String()
	if a, ok := signatureAlgorithms[name]; ok {
		return a, nil
	}
	if name == "1.2.840.113549.1.1.1" { // RSA, with the digest that was named before
		return map[crypto.Hash]x509.SignatureAlgorithm{
			crypto.SHA256: x509.SHA256WithRSA, crypto.SHA384: x509.SHA384WithRSA, crypto.SHA512: x509.SHA512WithRSA,
		}[digest], nil
	}
	return 0, fmt.Errorf("the signature algorithm %s is not known", name)
}

// verify says whether an authority that ends at one of the anchors made the token over sig.
func (t *timestamp) verify(sig []byte, anchors pinned) error {
	leaf, err := t.signer.by(append(slices.Clone(t.certificates), anchors...))
	if err != nil {
		return err
	}
	hash, err := digestOf(t.signer.DigestAlgorithm)
	if err != nil {
		return err
	}
	attributes, err := t.signer.attributes()
	if err != nil {
		return err
	}
	var contentType asn1.ObjectIdentifier
	var digest []byte
	if exactly(attributes[contentTypeOID.String()], &contentType, "") != nil || !contentType.Equal(timestampInfoOID) {
		return errors.New("its attributes are about something else")
	}
	if exactly(attributes[messageDigestOID.String()], &digest, "") != nil || !bytes.Equal(digest, sum(hash, t.content)) {
		return errors.New("it was changed: its digest does not match")
	}
	if err := names(attributes, leaf); err != nil {
		return err
	}
	algorithm, err := t.signer.algorithm(hash)
	if err != nil {
		return err
	}
	signed := bytes.Clone(t.signer.Attributes.FullBytes)
	signed[0] = 0x31 // they are signed as a set
	if err := leaf.CheckSignature(algorithm, signed, t.signer.Signature); err != nil {
		return fmt.Errorf("its signature does not hold: %w", err)
	}
	if !onlyFor(leaf, x509.ExtKeyUsageTimeStamping) {
		return errors.New("its certificate is not for timestamps alone")
	}
	if err := verifyChain(append([]*x509.Certificate{leaf}, t.certificates...), anchors, x509.ExtKeyUsageTimeStamping, t.at); err != nil {
		return err
	}
	if !bytes.Equal(t.imprint, sum(t.imprintHash, sig)) {
		return errors.New("it is about something else")
	}
	return nil
}

// onlyFor says whether a certificate is for one use, and wants every reader to know (RFC 3161, section 2.3).
func onlyFor(c *x509.Certificate, use x509.ExtKeyUsage) bool {
	critical := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool {
		return e.Critical && e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 37})
	})
	return critical && len(c.ExtKeyUsage) == 1 && c.ExtKeyUsage[0] == use && len(c.UnknownExtKeyUsage) == 0
}

// timestampOrNot is a token, or why it is none.
type timestampOrNot struct {
	*timestamp
	err error
}

func parseTimestamps(tokens [][]byte) (out []timestampOrNot) {
	for _, token := range tokens {
		t, err := parseTimestamp(token)
		out = append(out, timestampOrNot{t, err})
	}
	return out
}
