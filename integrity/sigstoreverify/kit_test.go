package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signedOn is when the signatures of these tests were made; certificates are
// good from an hour before to an hour after.
var signedOn = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// holder has a certificate and its key.
type holder struct {
	*x509.Certificate
	key   crypto.Signer
	above *holder // who issued it; nil: itself
}

var serials int64

// ecdsaKey is the key of that name, the same in every process: what one worker
// of a fuzzing finds another understands.
func ecdsaKey(curve elliptic.Curve, name string) *ecdsa.PrivateKey {
	scalar := make([]byte, (curve.Params().BitSize+7)/8)
	copy(scalar[1:], sum(crypto.SHA512, []byte(name))[:len(scalar)-2])
	key, err := ecdsa.ParseRawPrivateKey(curve, scalar)
	if err != nil {
		panic(err)
	}
	return key
}

// issue makes a certificate; above nil makes an authority's own.
func issue(t testing.TB, above *holder, key crypto.Signer, change func(*x509.Certificate)) *holder {
	t.Helper()
	serials++
	if key == nil {
		key = ecdsaKey(elliptic.P256(), "certificate "+strconv.FormatInt(serials, 10))
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serials), NotBefore: signedOn.Add(-time.Hour), NotAfter: signedOn.Add(time.Hour),
		BasicConstraintsValid: true,
	}
	if change != nil {
		change(c)
	}
	h := &holder{key: key, above: above}
	parent, signer := c, key
	if above != nil {
		parent, signer = above.Certificate, above.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	require.NoError(t, err)
	h.Certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return h
}

func authority(t testing.TB, name string, above *holder) *holder {
	return issue(t, above, nil, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage = name, true, x509.KeyUsageCertSign
		c.NotBefore, c.NotAfter = signedOn.AddDate(-1, 0, 0), signedOn.AddDate(1, 0, 0)
	})
}

const (
	releaseName = "https://forge.example/vendor/app/release.yml@refs/heads/main"
	tokenIssued = "https://token.example"
)

// leaf makes a signer's certificate as Fulcio does.
func leaf(t testing.TB, above *holder, change func(*x509.Certificate)) *holder {
	return issue(t, above, nil, func(c *x509.Certificate) {
		c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
		name, err := url.Parse(releaseName)
		require.NoError(t, err)
		c.URIs = []*url.URL{name}
		c.ExtraExtensions = []pkix.Extension{tokenExtension(t, tokenIssued)}
		if change != nil {
			change(c)
		}
	})
}

func tokenExtension(t testing.TB, issuer string) pkix.Extension {
	value, err := asn1.MarshalWithParams(issuer, "utf8")
	require.NoError(t, err)
	return pkix.Extension{Id: issuerOID, Value: value}
}

func timestamper(t testing.TB, above *holder) *holder {
	return issue(t, above, nil, func(c *x509.Certificate) {
		c.Subject.CommonName, c.KeyUsage = "Clock", x509.KeyUsageDigitalSignature
		value, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
		require.NoError(t, err)
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: value}}
	})
}

func (h *holder) pem() string { return pemOfDER(h.Raw) }

func pemOfDER(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// sign signs as most do with the key.
func (h *holder) sign(t testing.TB, message []byte) []byte {
	t.Helper()
	sig, err := Sign(h.key, bytes.NewReader(message))
	require.NoError(t, err)
	return sig
}

// What timestamps are made of, as the standard library writes it.
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
	signerV2OID      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
)

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// token is a timestamp in the making; a test changes it before it is signed.
type token struct {
	info       timestampInfo
	attributes []attribute
	signer     *holder
	shown      []*holder // certificates it carries
	content    []byte
	badly      bool // its signature is changed
	listed     []pkix.AlgorithmIdentifier
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

func value(t testing.TB, v any) asn1.RawValue {
	b, err := asn1.Marshal(v)
	require.NoError(t, err)
	return asn1.RawValue{FullBytes: b}
}

var sha256ID = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}

// stamp makes an authority's answer by the standard library alone: about sig, at signedOn.
func stamp(t testing.TB, by *holder, sig []byte, change func(*token)) []byte {
	t.Helper()
	k := &token{signer: by, shown: []*holder{by}, listed: []pkix.AlgorithmIdentifier{sha256ID}}
	k.info.Version, k.info.Policy, k.info.Serial, k.info.Time = 1, asn1.ObjectIdentifier{1, 2, 3}, big.NewInt(7), signedOn
	k.info.Imprint.Algorithm, k.info.Imprint.Digest = sha256ID, sum(crypto.SHA256, sig)
	if change != nil {
		change(k)
	}
	if k.content == nil {
		k.content = value(t, k.info).FullBytes
	}
	if k.attributes == nil {
		k.attributes = attributesOf(t, k.signer, k.content)
	}
	var set []byte
	for _, a := range k.attributes {
		set = append(set, value(t, a).FullBytes...)
	}
	toSign := value(t, asn1.RawValue{Class: 0, Tag: 17, IsCompound: true, Bytes: set}).FullBytes
	signature, err := k.signer.key.Sign(rand.Reader, sum(crypto.SHA256, toSign), crypto.SHA256)
	require.NoError(t, err)
	if k.badly {
		signature[len(signature)-1] ^= 1
	}
	type issuerAndSerial struct {
		Issuer asn1.RawValue
		Serial *big.Int
	}
	s := signerInfo{
		Version: 1, ID: value(t, issuerAndSerial{asn1.RawValue{FullBytes: k.signer.RawIssuer}, k.signer.SerialNumber}),
		DigestAlgorithm: sha256ID, Attributes: asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: set},
		SignatureAlgorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}, Signature: signature,
	}
	var certificates []byte
	for _, h := range k.shown {
		certificates = append(certificates, h.Raw...)
	}
	sd := signedData{Version: 3, DigestAlgorithms: k.listed, Signers: []signerInfo{s}}
	sd.Content.Type = timestampInfoOID
	sd.Content.Content = asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: value(t, k.content).FullBytes}
	if certificates != nil {
		sd.Certificates = asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: certificates}
	}
	ci := contentInfo{Type: signedDataOID, Content: asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: value(t, sd).FullBytes}}
	type status struct{ Status int }
	type reply struct {
		Status status
		Token  asn1.RawValue
	}
	return value(t, reply{Token: value(t, ci)}).FullBytes
}

// attributesOf are the signed attributes over the content.
func attributesOf(t testing.TB, by *holder, content []byte) []attribute {
	type certID struct{ Digest []byte }
	type signingCertificate struct{ IDs []certID }
	return []attribute{
		{contentTypeOID, []asn1.RawValue{value(t, timestampInfoOID)}},
		{messageDigestOID, []asn1.RawValue{value(t, sum(crypto.SHA256, content))}},
		{signerV2OID, []asn1.RawValue{value(t, signingCertificate{[]certID{{sum(crypto.SHA256, by.Raw)}}})}},
	}
}

// object is JSON in the making.
type object = map[string]any

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func text(t testing.TB, o any) []byte {
	b, err := json.Marshal(o)
	require.NoError(t, err)
	return b
}

// bundleOf makes a bundle of the newest form.
func bundleOf(content object, chain []*holder, timestamps ...[]byte) object {
	m := object{}
	switch len(chain) {
	case 0:
		m["publicKey"] = object{"hint": "somebody"}
	case 1:
		m["certificate"] = object{"rawBytes": b64(chain[0].Raw)}
	default:
		var list []object
		for _, h := range chain {
			list = append(list, object{"rawBytes": b64(h.Raw)})
		}
		m["x509CertificateChain"] = object{"certificates": list}
	}
	var stamps []object
	for _, s := range timestamps {
		stamps = append(stamps, object{"signedTimestamp": b64(s)})
	}
	if stamps != nil {
		m["timestampVerificationData"] = object{"rfc3161Timestamps": stamps}
	}
	out := object{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": m}
	for k, v := range content {
		out[k] = v
	}
	return out
}

func messageOf(patch, sig []byte) object {
	return object{"messageSignature": object{"messageDigest": object{"algorithm": "SHA2_256", "digest": b64(sum(crypto.SHA256, patch))}, "signature": b64(sig)}}
}

// statementOf says of each of the files that it was released.
func statementOf(files ...[]byte) object {
	var subjects []object
	for i, f := range files {
		subjects = append(subjects, object{"name": "file " + strconv.Itoa(i), "digest": object{"sha256": hex.EncodeToString(sum(crypto.SHA256, f))}})
	}
	return object{"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": "https://slsa.dev/provenance/v1", "predicate": object{}}
}

// preAuthentication is what an envelope's signatures are over, as its specification prints it.
func preAuthentication(kind string, payload []byte) []byte {
	return []byte("DSSEv1 " + strconv.Itoa(len(kind)) + " " + kind + " " + strconv.Itoa(len(payload)) + " " + string(payload))
}

// envelopeOf signs a payload with each key, as in-toto's tools do: Ed25519 over the message itself.
func envelopeOf(t testing.TB, kind string, payload []byte, keys ...crypto.Signer) object {
	t.Helper()
	message := preAuthentication(kind, payload)
	var signatures []object
	for _, k := range keys {
		var sig []byte
		if ed, ok := k.(ed25519.PrivateKey); ok {
			sig = ed25519.Sign(ed, message)
		} else {
			sig = (&holder{key: k}).sign(t, message)
		}
		signatures = append(signatures, object{"keyid": "", "sig": b64(sig)})
	}
	return object{"payloadType": kind, "payload": b64(payload), "signatures": signatures}
}

func ed25519Key(name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(sum(crypto.SHA256, []byte(name)))
}
