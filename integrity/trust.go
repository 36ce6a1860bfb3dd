package integrity

import "time"

// Signer is somebody whom a policy trusts, and by what: any of the ways given is enough. What the ways mean is told by
// the verifier of each format, which checks them further when it is made of them.
type Signer struct {
	Name         string              `json:"name"` // in the words of Expectation.Signer, which feeds use too
	Authenticode []AuthenticodeTrust `json:"authenticode,omitempty"`
	OpenPGP      []OpenPGPTrust      `json:"openpgp,omitempty"`
	Sigstore     []SigstoreTrust     `json:"sigstore,omitempty"`
}

// AuthenticodeTrust is how a signer of Windows files is known (formats pe, msi, cab). Each anchor is "sha256:" and the
// digest of a certificate in DER, or the certificate itself in PEM.
type AuthenticodeTrust struct {
	Anchors      []string  `json:"anchors"`                // where the chain of the signer's certificate must end
	Organisation string    `json:"organisation,omitempty"` // of the certificate's subject, exactly; empty: any
	Usage        string    `json:"usage,omitempty"`        // extended key usage beside code signing, as dotted numbers; empty: none more
	Timestampers []string  `json:"timestampers,omitempty"` // where the chain of a timestamp must end; empty: no timestamp is trusted
	At           time.Time `json:"at,omitzero"`            // UTC: when certificates are judged that no trusted timestamp gives a time for; zero: such a signature is unsupported
}

// OpenPGPTrust is how a signer is known who uses OpenPGP (formats openpgp, rpm).
type OpenPGPTrust struct {
	Keyring      string   `json:"keyring"`                // public keys, armored
	Fingerprints []string `json:"fingerprints,omitempty"` // of the keys in it that are trusted, in hex; empty: all
	Threshold    int      `json:"threshold,omitempty"`    // how many of the keys must have signed; zero: one
}

// SigstoreTrust is how a signer is known who uses plain keys or short-lived certificates (formats key, certificate, dsse).
type SigstoreTrust struct {
	Keys       []string   `json:"keys,omitempty"` // each one PEM block, PUBLIC KEY
	Identities []Identity `json:"identities,omitempty"`
	Threshold  int        `json:"threshold,omitempty"`  // how many of Keys must have signed; zero: one
	Predicates []string   `json:"predicates,omitempty"` // types of statements in envelopes that count; empty: those of a release
}

// Identity is the holder of a certificate: who it is, and who must have said so.
type Identity struct {
	Anchors      []string  `json:"anchors"`                // certificates in PEM where the chain must end
	Name         string    `json:"name,omitempty"`         // a subject alternative name: e-mail address, URI, DNS name
	Organisation string    `json:"organisation,omitempty"` // of the subject
	Issuer       string    `json:"issuer,omitempty"`       // whom the authority believed the name, a URL
	Timestampers []string  `json:"timestampers,omitempty"` // certificates in PEM where the chain of a timestamp must end
	At           time.Time `json:"at,omitzero"`            // UTC: as in AuthenticodeTrust
}

// signs reports whether one of the signer's ways can make a signature of the format.
func (s Signer) signs(f Format) bool {
	switch f {
	case PE, MSI, CAB:
		return len(s.Authenticode) > 0
	case OpenPGP, RPM:
		return len(s.OpenPGP) > 0
	case Key, DSSE, Certificate:
		return len(s.Sigstore) > 0
	default:
		return false
	}
}
