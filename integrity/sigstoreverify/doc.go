// Package sigstoreverify judges detached signatures made with plain keys or with certificates, and signed statements in
// envelopes: the adapter of [integrity.SignatureVerifier] to github.com/sigstore/sigstore, and the only package that
// imports it.
//
// # What a signature file may be
//
//   - A signature over the content, as it is or in standard base64 (line breaks and space around it are ignored), of at
//     most [MaxSignature] bytes: format key. Such files are made by "openssl dgst -sha256 -sign", "openssl pkeyutl
//     -sign -rawin", "cosign sign-blob --key" and [Sign], among others.
//   - A sigstore bundle in JSON, version 0.1 to 0.3, of at most [MaxDocument] bytes, with a signature over the content by a
//     key (format key) or by the key of the certificate in it (format certificate), or with an envelope.
//   - An envelope in JSON (DSSE), alone or in a bundle: format dsse. Its payload is an in-toto statement, version 0.1 or 1,
//     one of whose subjects is the content: at least one of SHA-256, SHA-384 and SHA-512 is told, and all that are told
//     of these are the content's. The predicate's type must be one by which the signer calls a file its own, see
//     Signer.Predicates: that a file was scanned is no reason to install it. An object with a name in it twice is refused.
//
// What the signatures of an envelope are over, taken out of it, is no file: a plain signature over it is Bad.
//
// # Who may have signed
//
// A key is Ed25519, ECDSA on P-256, P-384 or P-521, or RSA with 2048 to 4096 bits, as one PEM block, PUBLIC KEY or
// RSA PUBLIC KEY. These signatures are judged:
//
//   - Ed25519ph (over SHA-512), for content of any size;
//   - plain Ed25519, for content of at most [MaxPureEd25519] bytes, since it is over the whole message;
//   - ECDSA over SHA-256, SHA-384 or SHA-512, in ASN.1 or as both numbers end to end;
//   - RSA PKCS #1 v1.5 and PSS, over SHA-256, SHA-384 or SHA-512.
//
// A certificate is good if it names an Identity letter for letter, is for code signing, and has a chain to one of that
// identity's anchors, with keys as above and no SHA-1, each valid at the time of signing. Times are told by RFC 3161
// timestamps over the signature, by authorities whose chain ends at one of the identity's Timestampers and whose
// certificate is for timestamps alone: the chain must be valid at all of them, and the earliest is SignedAt. Without one
// the time is Identity.At. A timestamp by an authority that nobody trusts is worth as much as none; one that does not hold
// makes the signature bad.
//
// # What it answers
//
//   - Absent: there is no signature file (detached is nil). An empty one is not absent (INT-4, INT-9).
//   - Valid: the signature is by one of the signers.
//   - Unsupported: the signature file is too large, or something else than the above, such as OpenPGP, armored or not, and
//     CMS, so that another verifier of an integrity.Chain may judge it; the content cannot be read or ends before its size;
//     only a plain Ed25519 signature is possible and the content is too large for it; the time of signing is unknown; a
//     statement or its predicate is of another type.
//   - Bad: anything else. It is Untrusted too if the certificate's key made the signature and the certificate is merely of no
//     identity, or leads to no anchor. A plain signature does not say whose it is, so a stranger's looks as a changed one does:
//     it is Untrusted only by a verifier that trusts nobody at all.
//
// # What is not done
//
// The entries of a bundle in transparency logs are neither verified nor required, and no time is taken from them. Neither
// revocation nor signed certificate timestamps are looked at. Trust is what a policy pins: nothing is fetched, and the
// system's roots are never used. A bundle has one signer, so a Threshold above one needs an envelope of its own.
//
// # What it costs
//
// The content is read once for each digest algorithm tried: once for a valid signature of a usual kind if all keys are
// of one kind, up to three times for a bad one, and once more if it is small enough for a plain Ed25519 signature and a
// key of that kind is trusted. Memory is bounded by a few buffers and the signature file, and by MaxPureEd25519 where a
// plain Ed25519 signature is tried. What is read and checked of certificates and timestamps is counted against a budget.
package sigstoreverify
