package sigstoreverify

import (
	"crypto/x509"
	"encoding/json"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

// document has the fields of all JSON forms of a signature file. Those that are set show which
// form it is.
type document struct {
	documentEnvelope

	// A sigstore bundle.
	MediaType string    `json:"mediaType"`
	Material  *material `json:"verificationMaterial"`
	Message   *struct {
		Signature string `json:"signature"`
	} `json:"messageSignature"`
	Envelope *documentEnvelope `json:"dsseEnvelope"`

	// Cosign's older bundle.
	Base64Signature *string `json:"base64Signature"`
}

type documentEnvelope struct {
	PayloadType *string `json:"payloadType"`
	Payload     *string `json:"payload"`
	Signatures  []struct {
		Sig string `json:"sig"` // the key's identifier beside it is a hint that nobody signed
	} `json:"signatures"`
}

type documentCertificate struct {
	RawBytes string `json:"rawBytes"`
}

type material struct {
	PublicKey   *struct{}            `json:"publicKey"`
	Certificate *documentCertificate `json:"certificate"`
	Chain       *struct {
		Certificates []documentCertificate `json:"certificates"`
	} `json:"x509CertificateChain"`
	Log        []struct{} `json:"tlogEntries"`
	Timestamps struct {
		RFC3161 []struct {
			SignedTimestamp string `json:"signedTimestamp"`
		} `json:"rfc3161Timestamps"`
	} `json:"timestampVerificationData"`
}

// bundleTypes are the media types of bundles: the older spelling for 0.1 to 0.3, and the newer
// one since 0.3.
var bundleTypes = map[string]string{
	"application/vnd.dev.sigstore.bundle+json;version=0.1": "a sigstore bundle 0.1",
	"application/vnd.dev.sigstore.bundle+json;version=0.2": "a sigstore bundle 0.2",
	"application/vnd.dev.sigstore.bundle+json;version=0.3": "a sigstore bundle 0.3",
	"application/vnd.dev.sigstore.bundle.v0.3+json":        "a sigstore bundle 0.3",
}

// readDocument reads valid JSON.
func readDocument(text []byte) (*file, error) {
	var d document
	if err := unmarshalOnce(text, &d); err != nil {
		return nil, cms.Unsupported("the signature file is JSON and no envelope or bundle: %v", err)
	}
	bundle, envelope := d.MediaType != "" || d.Material != nil, d.Payload != nil || d.PayloadType != nil
	switch {
	case bundle && !envelope:
		return d.bundle()
	case envelope && !bundle:
		f := &file{kind: "an envelope"}
		return f, d.documentEnvelope.read(f)
	case d.Base64Signature != nil:
		return nil, cms.Unsupported("the signature file is a bundle of cosign's older form; make one with --new-bundle-format")
	default:
		return nil, cms.Unsupported("the signature file is JSON, and neither an envelope (DSSE) nor a sigstore bundle")
	}
}

func (d *document) bundle() (*file, error) {
	kind, known := bundleTypes[d.MediaType]
	switch {
	case !known:
		return nil, cms.Unsupported("the signature file is a bundle of type %.100q; want a sigstore bundle 0.1 to 0.3", d.MediaType)
	case d.Material == nil:
		return nil, cms.Broken("the bundle lacks what its signature could be verified by (verificationMaterial)")
	case (d.Message == nil) == (d.Envelope == nil):
		return nil, cms.Broken("the bundle must hold either a signature or an envelope")
	}
	f := &file{format: integrity.Key, kind: kind, logged: len(d.Material.Log)}
	var err error
	if f.chain, err = d.Material.certificates(); err != nil {
		return nil, err
	}
	if f.chain != nil {
		f.format = integrity.Certificate
	}
	if n := len(d.Material.Timestamps.RFC3161); n > cms.MaxTimestamps {
		return nil, cms.Unsupported("the bundle has %d timestamps; at most %d are allowed", n, cms.MaxTimestamps)
	}
	for i, t := range d.Material.Timestamps.RFC3161 {
		token, ok := decode64(t.SignedTimestamp)
		if !ok {
			return nil, cms.Broken("timestamp %d of the bundle is not base64", i)
		}
		f.timestamps = append(f.timestamps, token)
	}
	if d.Message != nil {
		sig, ok := decode64(d.Message.Signature)
		if !ok {
			return nil, cms.Broken("the bundle's signature is empty or not base64")
		}
		f.signatures = [][]byte{sig}
		return f, nil
	}
	if err = d.Envelope.read(f); err == nil && len(f.signatures) > 1 {
		err = cms.Broken("the bundle's envelope has %d signatures; a bundle has one", len(f.signatures))
	}
	return f, err
}

// certificates reads the signer's certificate and those above it; none if the signature is by a
// plain key.
func (m *material) certificates() ([]*x509.Certificate, error) {
	var raw []documentCertificate
	switch {
	case m.Certificate != nil && m.Chain == nil && m.PublicKey == nil:
		raw = []documentCertificate{*m.Certificate}
	case m.Chain != nil && m.Certificate == nil && m.PublicKey == nil:
		raw = m.Chain.Certificates
	case m.PublicKey != nil && m.Certificate == nil && m.Chain == nil:
		return nil, nil
	default:
		return nil, cms.Broken("the bundle must name either a certificate, a chain of them, or a public key")
	}
	if n := len(raw); n < 1 || n > MaxCertificates {
		return nil, cms.Broken("the bundle has %d certificates; want 1 to %d", n, MaxCertificates)
	}
	var chain []*x509.Certificate
	for i, r := range raw {
		der, ok := decode64(r.RawBytes)
		if !ok {
			return nil, cms.Broken("certificate %d of the bundle is not base64", i)
		}
		if len(der) > cms.MaxCertificate {
			return nil, cms.Broken("certificate %d of the bundle: it has %d bytes; at most %d are allowed", i, len(der), cms.MaxCertificate)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, cms.Broken("certificate %d of the bundle: %v", i, err)
		}
		if weak := rules.Weak(c.PublicKey); weak != "" {
			return nil, cms.Broken("certificate %d of the bundle: %s", i, weak)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// unmarshalOnce decodes JSON and refuses repeated names.
func unmarshalOnce(text []byte, into any) error {
	if err := strictjson.Check(text, true); err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
