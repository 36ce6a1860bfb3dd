// Package cms reads what signed files and signature files carry: signed messages (CMS SignedData, RFC 5652, that was PKCS
// #7), timestamps (RFC 3161) and the older countersignatures (PKCS #9), and chains of certificates.
//
// It is the one reader of these for all verifiers, and everything it reads may be hostile. A [File] gathers the
// certificates of one file's messages and counts what reading and checking them costs; past the bounds in limits.go the
// answer is a [Refusal] that says Unsupported, never more work. Elements are read by hand and without copies, because
// encoding/asn1 makes a slice of a set's whole length before it looks at the first member, which a hostile file can turn
// into gigabytes.
//
// # What it wants
//
//   - DER to the last byte, also of what nobody signs and nobody reads: others may stumble over it. BER, as some
//     timestamp authorities write it, is put into DER first.
//   - One signer, who signs attributes, each of which is there once and has one value. A content type and a digest are
//     among them, and are those of the content. The list of digest algorithms names the signer's, and besides it none
//     that carries no trust.
//   - SHA-256, SHA-384 or SHA-512 and a key that the verifier's [Rules] allow, all along the chain. What is made with
//     SHA-1 or MD5, or by a weak key, is read and checked where that is cheap, and is never trusted (INT-7).
//   - A chain whose certificates signed each other, were valid together, and end in one that is pinned; package
//     crypto/x509 checks the rest: constraints, usages and critical extensions. The system's roots are never asked.
//   - A signer's certificate that says itself that it is for signing code, and of a timestamp for timestamps and nothing
//     else. A key usage, if there is one, must be for signatures.
//   - Of a timestamp the signed attribute that names its signer's certificate by digest. A countersignature has none.
//
// A timestamp that is genuine and made in a way that carries no trust is weak: it gives no time, and the file is judged as
// if it had none (INT-7). These are made with SHA-1 or MD5, with or without naming the digest (VeriSign and Symantec stamped
// the bare SHA-1 until 2020), without signed attributes, without a time that can be read, or without naming the signer's
// certificate. One that its key did not make, or that is over something else, is broken (INT-9).
package cms
