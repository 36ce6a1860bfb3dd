// Package sigstoreverify judges detached signatures made with plain keys or
// with certificates, and signed statements in envelopes. It is the adapter of
// [integrity.SignatureVerifier] to github.com/sigstore/sigstore, and the only
// package that imports it.
//
// # What a signature file may be
//
//   - A signature over the content, raw or in standard base64 (line breaks and
//     space around it are ignored), of at most [MaxSignature] bytes: format
//     key. "openssl dgst -sha256 -sign", "openssl pkeyutl -sign -rawin",
//     "cosign sign-blob --key" and [Sign] make such files.
//   - A sigstore bundle in JSON, version 0.1 to 0.3, of at most [MaxDocument]
//     bytes. It has a signature over the content by a key (format key) or by
//     the key of its certificate (format certificate), or an envelope.
//   - An envelope in JSON (DSSE), alone or in a bundle: format dsse. Its
//     payload is an in-toto statement, version 0.1 or 1, and the content is one
//     of its subjects: at least one of SHA-256, SHA-384 and SHA-512 is given,
//     and all that are given match. The predicate's type must be one by which
//     the signer calls a file its own, see integrity.SigstoreTrust.Predicates:
//     that a file was scanned is no reason to install it. An object with a
//     repeated name is refused.
//
// The bytes that an envelope's signatures cover are not a file: a plain
// signature over them is Bad.
//
// # Who may have signed
//
// A key is Ed25519, ECDSA on P-256, P-384 or P-521, or RSA of 2048 to 4096
// bits, as one PEM block, PUBLIC KEY or RSA PUBLIC KEY. These signatures are
// judged:
//
//   - Ed25519ph (over SHA-512), for content of any size;
//   - plain Ed25519, for content of at most [MaxPureEd25519] bytes, since it
//     covers the whole message;
//   - ECDSA over SHA-256, SHA-384 or SHA-512, in ASN.1 or as two numbers one
//     after the other;
//   - RSA PKCS #1 v1.5 and PSS, over SHA-256, SHA-384 or SHA-512.
//
// A certificate is good if it matches an Identity exactly, is for code signing,
// and has a chain to one of that identity's anchors, with keys as above,
// without SHA-1, each valid at the time of signing. The time comes from RFC
// 3161 timestamps over the signature, by authorities whose chain ends at one of
// the identity's Timestampers and whose certificate is for timestamps only. The
// chain must be valid at all these times, and the earliest is SignedAt. Without
// a timestamp the time is Identity.At. A timestamp by an authority that nobody
// trusts counts as none. A timestamp that does not hold makes the signature
// bad.
//
// # What it answers
//
//   - Absent: there is no signature file (detached is nil). An empty one is not
//     absent (INT-4, INT-9).
//   - Valid: the signature is by one of the signers.
//   - Unsupported: the signature file is too large, or is something else, such
//     as OpenPGP or CMS, which another verifier of an integrity.Chain may
//     judge; the content cannot be read or ends before its size; only a plain
//     Ed25519 signature is possible and the content is too large for it; the
//     time of signing is unknown; or a statement or its predicate is of another
//     type.
//   - Bad: anything else. It is Untrusted too if the certificate's key made the
//     signature and only the certificate is not trusted: it matches no identity
//     or leads to no anchor. A plain signature does not name its key, so a
//     stranger's signature looks like a changed one: it is Untrusted only if
//     the verifier trusts nobody at all.
//
// # What is not done
//
// The transparency log entries of a bundle are neither verified nor required,
// and their times are not used. Revocation and signed certificate timestamps
// are not checked. Trust is what a policy pins: nothing is fetched, and the
// system's roots are never used. A bundle has one signer, so a Threshold above
// one needs an envelope without a bundle.
//
// # What it costs
//
// The content is read once per digest algorithm tried: once for a valid
// signature of a usual kind if all keys are of one kind, up to three times for
// a bad one, and once more if it is small enough for plain Ed25519 and such a
// key is trusted. Memory is bounded by a few buffers and the signature file,
// and by MaxPureEd25519 where plain Ed25519 is tried. Reading and checking
// certificates and timestamps has a budget.
package sigstoreverify
