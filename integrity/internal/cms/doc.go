// Package cms reads what signed files and signature files carry: signed
// messages (CMS SignedData, RFC 5652, formerly PKCS #7), timestamps (RFC 3161),
// the older countersignatures (PKCS #9), and certificate chains.
//
// It is the only reader of these for all verifiers, and all its input may be
// hostile. A [File] collects the certificates of one file's messages and counts
// the work of reading and checking them. Past a bound in limits.go the answer
// is a [Refusal] with Unsupported. Elements are read by hand and without
// copies: encoding/asn1 allocates a slice for a whole set before it looks at
// the first member, and a hostile file can turn that into gigabytes.
//
// # What it requires
//
//   - DER to the last byte, even in parts that nobody signs or reads, because
//     other readers may fail on them. BER, which some timestamp authorities
//     write, is converted to DER first.
//   - One signer, who signs attributes. Each attribute occurs once and has one
//     value. A content type and a digest are among them and are those of the
//     content. The list of digest algorithms names the signer's algorithm, and
//     otherwise none that carries no trust.
//   - SHA-256, SHA-384 or SHA-512, and keys that the verifier's [Rules] allow,
//     along the whole chain. What is made with SHA-1, MD5 or a weak key is
//     read, is checked where that is cheap, and is never trusted (INT-7).
//   - A chain whose certificates signed each other, were valid together, and
//     end in a pinned certificate. Package crypto/x509 checks the rest:
//     constraints, usages and critical extensions. The system's roots are never
//     used.
//   - A signer's certificate that is for signing code, or a timestamp's
//     certificate that is for timestamps and nothing else. A key usage, if
//     there is one, must allow signatures.
//   - In a timestamp, the signed attribute that names its signer's certificate
//     by digest. A countersignature has none.
//
// A timestamp that is genuine but made in a way that carries no trust is weak:
// it gives no time, and the file is judged as if it had no timestamp (INT-7).
// Weak are timestamps made with SHA-1 or MD5, with or without naming the digest
// (VeriSign and Symantec signed the bare SHA-1 until 2020), without signed
// attributes, without a readable time, or without naming the signer's
// certificate. A timestamp that its key did not make, or that covers something
// else, is broken (INT-9).
package cms
