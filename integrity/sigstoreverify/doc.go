// Package sigstoreverify judges detached signatures made with plain keys: the adapter of [integrity.SignatureVerifier]
// to github.com/sigstore/sigstore, and the only package that imports it.
//
// # What it takes
//
// A key is Ed25519, ECDSA on P-256, P-384 or P-521, or RSA with 2048 to 4096 bits, as one PEM block, PUBLIC KEY or
// RSA PUBLIC KEY. A signature file holds one signature, raw or in standard base64 (line breaks and space around it are
// ignored), of at most [MaxSignature] bytes. These are judged:
//
//   - Ed25519ph (over SHA-512), for content of any size;
//   - plain Ed25519, for content of at most [MaxPureEd25519] bytes, since the library wants the whole message in memory;
//   - ECDSA over SHA-256, SHA-384 or SHA-512, in ASN.1 or as both numbers end to end;
//   - RSA PKCS #1 v1.5 and PSS, over SHA-256, SHA-384 or SHA-512.
//
// Such files are made by "openssl dgst -sha256 -sign", "openssl pkeyutl -sign -rawin" and [Sign], among others.
//
// # What it answers
//
//   - Absent: there is no signature file (detached is nil). An empty one is not absent (INT-4, INT-9).
//   - Valid: the signature is by one of the keys; Signer is that key's name. A plain signature tells no time: SignedAt is zero.
//   - Unsupported: the signature file is too large, armored, or a JSON bundle; the content cannot be read or ends before
//     its size; or only a plain Ed25519 signature is possible and the content is too large for it.
//   - Bad: anything else.
//
// # What it costs
//
// The content is read once for each digest algorithm tried: once for a valid signature of a usual kind if all keys are
// of one kind, up to three times for a bad one, and once more for each Ed25519 key if the content is small enough for a
// plain signature. Memory is bounded by a few buffers, or by three times MaxPureEd25519 when a plain Ed25519 signature is
// tried. Certificates, transparency logs and timestamps are not built yet.
package sigstoreverify
