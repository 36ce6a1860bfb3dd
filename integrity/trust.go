package integrity

import (
	"slices"
	"time"
)

// Signer is somebody who is trusted, and the ways in which their signatures are known: any one of them is enough. A
// policy and every verifier take it as it is here. A verifier uses the ways of its own formats and leaves the others
// alone; given none, it trusts nobody, as its zero value does.
type Signer struct {
	Name         string              `json:"name"` // in the words of Expectation.Signer, which feeds use too
	Authenticode []AuthenticodeTrust `json:"authenticode,omitempty"`
	OpenPGP      []OpenPGPTrust      `json:"openpgp,omitempty"`
	Sigstore     []SigstoreTrust     `json:"sigstore,omitempty"`
	Other        []OtherTrust        `json:"other,omitempty"`
}

// AuthenticodeTrust is how a signer of Windows files is known (formats pe, msi, cab). Each anchor is "sha256:" and the
// digest of a certificate in DER, or the certificate itself in PEM, which is needed only where signed files do not carry
// it. An anchor may be a root, an authority below it, or the signer's own certificate.
type AuthenticodeTrust struct {
	Anchors      []string  `json:"anchors"`                // where the chain of the signer's certificate must end
	Organisation string    `json:"organisation,omitempty"` // the subject's only organisation, exactly; empty: any
	Usage        string    `json:"usage,omitempty"`        // extended key usage beside code signing, as dotted numbers; empty: none more
	Timestampers []string  `json:"timestampers,omitempty"` // where the chain of a timestamp must end; empty: no timestamp is trusted
	At           time.Time `json:"at,omitzero"`            // UTC: when certificates are judged that no trusted timestamp gives a time for; zero: such a signature is unsupported
}

// OpenPGPTrust is how a signer is known who uses OpenPGP (formats openpgp, rpm).
type OpenPGPTrust struct {
	// Keyring is one key or many, armored; a verifier takes a binary one too.
	Keyring string `json:"keyring"`
	// Fingerprints names the keys of the ring that count, in hex; empty: all of them. That of a primary key stands for
	// its subkeys too, unless "!" follows: then, and for a subkey, it is that very key.
	Fingerprints []string `json:"fingerprints,omitempty"`
	// Threshold is how many different primary keys, the keys of so many people, must have signed; zero: one.
	Threshold int `json:"threshold,omitempty"`
}

// SigstoreTrust is how a signer is known who uses plain keys or short-lived certificates (formats key, certificate, dsse).
type SigstoreTrust struct {
	Keys       []string   `json:"keys,omitempty"`       // each one PEM block, PUBLIC KEY or RSA PUBLIC KEY
	Identities []Identity `json:"identities,omitempty"` // holders of certificates who sign for this signer
	// Threshold is how many of Keys must have signed; zero: one. Only an envelope (DSSE) can carry more than one
	// signature, and certificates are not counted, so above one there must be no Identities.
	Threshold int `json:"threshold,omitempty"`
	// Predicates are the types of statements in envelopes that count as the signer's word that a file is its own: the
	// report of a scan is no reason to install anything. Empty: sigstoreverify.DefaultPredicates.
	Predicates []string `json:"predicates,omitempty"`
}

// Identity is the holder of a certificate: who it is, and who must have said so. At least one of Name and Organisation
// is set. All that is set must be so in the certificate, letter for letter.
type Identity struct {
	Anchors []string `json:"anchors"` // certificates in PEM where the chain must end
	// Name is a subject alternative name: a URI if it has a colon, else an e-mail address if it has an @, else Fulcio's
	// other name if it has an exclamation mark, else a DNS name. Names of other kinds do not match it.
	Name         string `json:"name,omitempty"`
	Organisation string `json:"organisation,omitempty"` // the subject's only one
	// Issuer is whom the authority believed the name, a URL: what Fulcio's extensions 1.3.6.1.4.1.57264.1.8 or 1.1 say.
	// If the authority asks several issuers, a Name without Issuer is whoever any of them calls so.
	Issuer       string    `json:"issuer,omitempty"`
	Timestampers []string  `json:"timestampers,omitempty"` // certificates in PEM where the chain of a timestamp must end; empty: no timestamp is trusted
	At           time.Time `json:"at,omitzero"`            // UTC: as in AuthenticodeTrust
}

// OtherTrust is how a signer is known to a verifier of an importer's own. The verifier says what Keys mean.
type OtherTrust struct {
	Format Format   `json:"format"` // that the verifier judges
	Keys   []string `json:"keys"`
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
		return slices.ContainsFunc(s.Other, func(o OtherTrust) bool { return o.Format == f })
	}
}
