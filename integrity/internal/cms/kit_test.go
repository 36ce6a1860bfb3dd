package cms

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

func cat(parts ...[]byte) []byte      { return slices.Concat(parts...) }
func seq(parts ...[]byte) []byte      { return Encode(TagSequence, cat(parts...)) }
func set(parts ...[]byte) []byte      { return Encode(TagSet, cat(parts...)) }
func octets(b []byte) []byte          { return Encode(TagOctets, b) }
func object(id OID) []byte            { return Encode(TagOID, []byte(id)) }
func number(n byte) []byte            { return Encode(TagInteger, []byte{n}) }
func attr(id OID, v ...[]byte) []byte { return seq(object(id), set(v...)) }

func algorithmOf(a integrity.Algorithm) []byte {
	for id, alg := range digests {
		if alg == a {
			return seq(object(id), []byte{tagNull, 0})
		}
	}
	panic("no such digest")
}

func sum(a integrity.Algorithm, b []byte) []byte {
	h := a.Hash().New()
	h.Write(b)
	return h.Sum(nil)
}

var (
	strict = Rules{MaxRSA: 4096, Ed25519: true}
	loose  = Rules{MaxRSA: 8192, Lenient: true}

	signedOn = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
)

// holder is a certificate and its key.
type holder struct {
	*x509.Certificate
	key crypto.Signer
}

var serial int64

// issue makes a certificate that is good for an hour around signedOn.
func issue(t testing.TB, by *holder, key crypto.Signer, change func(*x509.Certificate)) *holder {
	t.Helper()
	serial++
	if key == nil {
		var err error
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "Leaf"}, BasicConstraintsValid: true,
		NotBefore: signedOn.Add(-time.Hour), NotAfter: signedOn.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &holder{cert, key}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.Subject.CommonName = true, x509.KeyUsageCertSign, "CA"
}

func forCode(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }

// critical gives a certificate the usages in an extension that every reader has to understand.
func critical(usages ...x509.ExtKeyUsage) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		var list []byte
		for _, u := range usages {
			list = append(list, object(NewOID(u.OID().String()))...)
		}
		c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 37}, Critical: true, Value: seq(list)}}
	}
}

var forStamps = critical(x509.ExtKeyUsageTimeStamping)

var keyRSA = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// stamped says how to make a timestamp; the zero value of a field is what is right.
type stamped struct {
	who        *holder
	shown      [][]byte            // certificates beside the signer's
	revoked    [][]byte            // revocation lists
	digest     integrity.Algorithm // SHA-256
	listed     [][]byte            // digest algorithms
	attributes func([][]byte) [][]byte
	info       func([][]byte) [][]byte
	over       func(signed []byte) []byte // what the key pads and signs, if not the digest and its name
}

var signature = []byte("the signature that was stamped")

func (s stamped) alg() integrity.Algorithm { return cmp.Or(s.digest, integrity.SHA256) }

func (s stamped) signer(t testing.TB, content []byte, attributes [][]byte) []byte {
	t.Helper()
	if s.attributes != nil {
		attributes = s.attributes(attributes)
	}
	signed, shown := content, []byte(nil)
	if len(attributes) > 0 {
		signed, shown = set(attributes...), Encode(TagContext0, cat(attributes...))
	}
	hash := map[integrity.Algorithm]crypto.Hash{integrity.SHA256: crypto.SHA256, integrity.SHA384: crypto.SHA384, integrity.SHA512: crypto.SHA512, integrity.SHA1: crypto.SHA1,
		integrity.MD5: crypto.MD5}[s.alg()]
	payload := sum(s.alg(), signed)
	if s.over != nil {
		hash, payload = 0, s.over(signed)
	}
	scheme := oidECDSA
	if _, is := s.who.key.(*rsa.PrivateKey); is {
		scheme = oidRSA
	}
	sig, err := s.who.key.Sign(rand.Reader, payload, hash)
	require.NoError(t, err)
	return seq(number(1), seq(s.who.RawIssuer, Encode(TagInteger, s.who.SerialNumber.Bytes())), algorithmOf(s.alg()),
		shown, seq(object(scheme), []byte{tagNull, 0}), octets(sig))
}

// token is a timestamp over the signature.
func (s stamped) token(t testing.TB) []byte {
	t.Helper()
	info := [][]byte{number(1), object(NewOID("1.2.3.4")), seq(algorithmOf(integrity.SHA256), octets(sum(integrity.SHA256, signature))),
		number(7), Encode(TagTime, []byte(signedOn.Format("20060102150405Z")))}
	if s.info != nil {
		info = s.info(info)
	}
	content := seq(info...)
	listed := s.listed
	if listed == nil {
		listed = [][]byte{algorithmOf(s.alg())}
	}
	signer := s.signer(t, content, [][]byte{attr(oidContentType, object(OIDTimestampInfo)), attr(oidMessageDigest, octets(sum(s.alg(), content))),
		attr(oidSigningCertV2, seq(seq(seq(octets(sum(integrity.SHA256, s.who.Raw))))))})
	var revoked []byte
	if s.revoked != nil {
		revoked = Encode(TagContext1, cat(s.revoked...))
	}
	return seq(object(oidSignedData), Encode(TagContext0, seq(number(3), set(listed...),
		seq(object(OIDTimestampInfo), Encode(TagContext0, octets(content))), Encode(TagContext0, cat(s.who.Raw, cat(s.shown...))), revoked, set(signer))))
}

// counter is a countersignature of the signature.
func (s stamped) counter(t testing.TB) []byte {
	t.Helper()
	return s.signer(t, signature, [][]byte{attr(oidMessageDigest, octets(sum(s.alg(), signature))),
		attr(oidSigningTime, Encode(TagUTCTime, []byte(signedOn.Format("060102150405Z"))))})
}
