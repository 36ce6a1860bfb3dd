package integrity

import (
	"slices"
	"time"
)

// Signer is somebody who is trusted, with the trust entries that recognize the
// signatures. A match with any one entry is enough. A policy and every verifier
// use this type. A verifier uses the entries for its own formats and ignores
// the others. Without any entry it does not trust the signer.
type Signer struct {
	Name         string              `json:"name"` // as in Expectation.Signer and in feeds
	Authenticode []AuthenticodeTrust `json:"authenticode,omitempty"`
	OpenPGP      []OpenPGPTrust      `json:"openpgp,omitempty"`
	Sigstore     []SigstoreTrust     `json:"sigstore,omitempty"`
	Other        []OtherTrust        `json:"other,omitempty"`
}

// AuthenticodeTrust is how a signer of Windows files is known (formats pe, msi,
// cab). An anchor is "sha256:" and the digest of a certificate in DER, or the
// certificate in PEM, which is needed only if signed files do not carry it. It
// may be a root, an intermediate authority or the signer's own certificate.
type AuthenticodeTrust struct {
	Anchors      []string  `json:"anchors"`                // where the chain of the signer's certificate must end
	Organization string    `json:"organization,omitempty"` // the subject's only organization, exactly; empty: any
	Usage        string    `json:"usage,omitempty"`        // extended key usage beside code signing, as dotted numbers; empty: none more
	Timestampers []string  `json:"timestampers,omitempty"` // where the chain of a timestamp must end; empty: no timestamp is trusted
	At           time.Time `json:"at,omitzero"`            // UTC: when to judge certificates without a trusted timestamp; zero: such a signature is unsupported
}

// OpenPGPTrust is how a signer with OpenPGP keys is known (formats openpgp,
// rpm).
type OpenPGPTrust struct {
	// Keyring has one or more keys, armored. Verifiers also take a binary one.
	Keyring string `json:"keyring"`
	// Fingerprints lists, in hex, the keys of the ring that count; empty: all.
	// A primary key's fingerprint includes its subkeys, unless "!" follows.
	Fingerprints []string `json:"fingerprints,omitempty"`
	// Threshold is how many different primary keys must have signed; zero: one.
	Threshold int `json:"threshold,omitempty"`
}

// SigstoreTrust is how a signer with plain keys or short-lived certificates is
// known (formats key, certificate, dsse).
type SigstoreTrust struct {
	Keys       []string   `json:"keys,omitempty"`       // each one PEM block, PUBLIC KEY or RSA PUBLIC KEY
	Identities []Identity `json:"identities,omitempty"` // holders of certificates who sign for this signer
	// Threshold is how many of Keys must have signed; zero: one. Above one,
	// only an envelope (DSSE) has enough signatures, and there must be no
	// Identities, because certificates are not counted.
	Threshold int `json:"threshold,omitempty"`
	// Predicates are the types of statements by which the signer calls a file
	// its own; a scan report is no reason to install anything. Empty:
	// sigstoreverify.DefaultPredicates.
	Predicates []string `json:"predicates,omitempty"`
}

// Identity is the holder of a certificate. At least one of Name and
// Organization is set. Everything that is set must match the certificate
// exactly.
type Identity struct {
	Anchors []string `json:"anchors"` // certificates in PEM where the chain must end
	// Name is a subject alternative name: a URI if it has a colon, otherwise an
	// e-mail address if it has an @, otherwise Fulcio's other name if it has an
	// exclamation mark, otherwise a DNS name. It matches names of that kind
	// only.
	Name         string `json:"name,omitempty"`
	Organization string `json:"organization,omitempty"` // the subject's only one
	// Issuer is the URL of the issuer that vouched for the name to the
	// authority, from Fulcio's extension 1.3.6.1.4.1.57264.1.8 or 1.1. If the
	// authority accepts several issuers, a Name without Issuer matches whoever
	// has that name at any of them.
	Issuer       string    `json:"issuer,omitempty"`
	Timestampers []string  `json:"timestampers,omitempty"` // certificates in PEM where the chain of a timestamp must end; empty: no timestamp is trusted
	At           time.Time `json:"at,omitzero"`            // UTC: as in AuthenticodeTrust
}

// OtherTrust is how a signer is known to a verifier of your own, which defines
// what Keys mean.
type OtherTrust struct {
	Format Format   `json:"format"` // that the verifier judges
	Keys   []string `json:"keys"`
}

// signs reports whether the signer can make a signature of the format.
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
