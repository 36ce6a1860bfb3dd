package sigstoreverify

import "time"

// Signer is somebody whose signatures are trusted, by keys, by certificates, or by both. Several signers may share a
// name: what any of them signed is by that name.
type Signer struct {
	// Name is what a valid answer names, in the words of integrity.Expectation.Signer.
	Name string
	// Keys are trusted public keys, each one PEM block, PUBLIC KEY or RSA PUBLIC KEY.
	Keys [][]byte
	// Identities are the holders of certificates who sign for this signer.
	Identities []Identity
	// Threshold is how many of Keys must have signed; zero is one. Only an envelope (DSSE) can carry more than one
	// signature, and certificates are not counted, so above one there must be no Identities.
	Threshold int
	// Predicates are the predicate types of statements in envelopes that count as the signer's word that a file is its
	// own; a statement of another type, such as the report of a scan, is no reason to install anything. None stands
	// for DefaultPredicates.
	Predicates []string
}

// Identity is the holder of a certificate: who it is, and who must have said so. At least one of Name and Organisation
// is set, and all that is set must be so in the certificate, letter for letter.
type Identity struct {
	// Anchors are the certificates at which a chain must end, PEM (several in one) or DER: roots, or intermediates
	// where a signature brings none. No other roots are trusted.
	Anchors [][]byte
	// Name is a subject alternative name: a URI if there is a colon in it, else an e-mail address if there is an @, else
	// Fulcio's other name if there is an exclamation mark, else a DNS name. Names of other kinds do not match it.
	Name string
	// Organisation is the only organisation of the subject.
	Organisation string
	// Issuer is whom Fulcio believed the name, as its extensions 1.3.6.1.4.1.57264.1.8 or 1.1 tell. Where Anchors are
	// those of a Fulcio that asks several issuers, a Name without Issuer is whoever any of them calls so.
	Issuer string
	// Timestampers are the anchors of trusted timestamp authorities (RFC 3161), as Anchors are given, or the
	// authorities' own certificates. None: no timestamp is trusted.
	Timestampers [][]byte
	// At is when certificates are judged whose time of signing no trusted timestamp tells; zero: such a signature is
	// Unsupported.
	At time.Time
}

// DefaultPredicates lists the predicate types by which a signer says that a file is what it made or released: SLSA
// provenance 0.2 and 1, in-toto's release 0.1 and cosign's signature 1.
func DefaultPredicates() []string {
	return []string{
		"https://slsa.dev/provenance/v0.2",
		"https://slsa.dev/provenance/v1",
		"https://in-toto.io/attestation/release/v0.1",
		"https://sigstore.dev/cosign/sign/v1",
	}
}
