// Package authenticode judges the signatures inside Windows programs, libraries
// and drivers (PE), Windows Installer packages (MSI) and cabinets (CAB). It is
// an adapter of [integrity.SignatureVerifier] and needs only the standard
// library.
//
// A [Verifier] trusts the signers it was made with and nobody else. A signer is
// known by the certificates in which its chain may end, pinned by SHA-256, and
// by what its own certificate says ([integrity.AuthenticodeTrust]). The
// system's roots and the network are never used. [Inspect] shows what a file
// says about itself, and so what can be pinned.
//
// # What it accepts
//
//   - PE, 32 and 64 bit: every PKCS #7 entry of the certificate table. The
//     digest covers the whole file except the checksum in the header, the
//     directory entry of the table, and the table itself, which must be the end
//     of the file.
//   - MSI, transforms and patches: the stream DigitalSignature, and
//     MsiDigitalSignatureEx if there is one. The digest covers the streams in
//     the order of their names; with the second stream, also their names, sizes
//     and times. The signature must say that it covers a package: otherwise a
//     script's signature by the same vendor would fit streams cut out of the
//     script.
//   - CAB: the signature that the reserved part of the header points to, which
//     must be the end of the file.
//   - PKCS #7 SignedData in DER, or in BER as some timestamp authorities write
//     it, with one signer, authenticated attributes, SHA-256, SHA-384 or
//     SHA-512, and RSA (PKCS #1 v1.5 or PSS) of 2048 to 8192 bits or ECDSA on
//     P-256, P-384 or P-521, along the whole chain.
//   - Signatures nested one level deep in the first one, as in files signed
//     with both SHA-1 and SHA-256.
//   - Timestamps by RFC 3161, and PKCS #9 countersignatures by strong
//     algorithms and a pinned authority. The earliest one counts.
//
// # What it answers
//
//   - Valid: one signature is by a trusted signer, at a time when the
//     certificates were valid. Signer is the signer's name. SignedAt is the
//     timestamp's time, or zero if the signature was judged at
//     AuthenticodeTrust.At.
//   - Absent: the file is of another format, or has no signature. A file whose
//     signature was removed looks the same; an order that expects a signer
//     refuses it (INT-4).
//   - Unsupported: there is a signature that cannot be judged. It has no
//     trusted timestamp and the signer has no AuthenticodeTrust.At; it exceeds
//     a bound of this package; its structure is one that nobody uses; the file
//     cannot be read; or the program is tagged.
//   - Bad: anything else. It is Untrusted too if the signature holds and only
//     its signer is not trusted: the chain ends at no anchor, or the
//     certificate has another organization or lacks a required usage.
//
// A signature that does not hold or cannot be read decides, even if another one
// is valid. A signature that holds but is by a stranger, by weak algorithms
// (SHA-1, MD5, short keys) or without a time decides only if no other is valid:
// a stranger cannot spoil a file by signing it too.
//
// Places that no signature covers must be empty, because others could put
// something there: bytes after the certificate table, after a cabinet's
// signature or after a package's last sector, more padding than aligns a
// signature, entries of unknown kind, header fields that are not digested. What
// the formats allow to change is ignored: a program's checksum field,
// certificates that no chain uses, unsigned attributes.
//
// A tagged program has more than padding after the signature in its entry. Some
// vendors' servers write there who downloaded the program. If the signature
// holds otherwise, the answer is Unsupported: not valid, since anybody can
// write a tag and programs act on theirs, and not bad, since a matching
// checksum may vouch for the file (INT-9).
//
// In a package the signature does not cover the header, free sectors in the
// middle and the rest of a stream's last sector. Without MsiDigitalSignatureEx
// it does not cover the names of streams, nor where one ends and the next
// begins. An attacker can turn a package with that stream into one without it,
// by giving the stream another name. This is noticed only if the first stream
// has exactly the size of a digest.
//
// # Time
//
// There is no clock. Certificates live for days to years, and most have expired
// when a file is installed. So they are judged at the time of a trusted
// timestamp; AuthenticodeTrust.Timestampers pins the authorities. Without a
// timestamp they are judged at AuthenticodeTrust.At, which the policy's author
// chose, and without that not at all. A signer's certificate with the usage
// lifetime signing (1.3.6.1.4.1.311.10.3.13) is always judged at
// AuthenticodeTrust.At. A timestamp that nobody trusts counts as none. A
// timestamp that does not hold makes the file bad.
//
// # What it does not do
//
//   - It does not check revocation, which needs a network and a clock. Remove a
//     signer who lost a key from the policy. A policy may pin the signer's own
//     certificate instead of its authority's.
//   - It does not compare page hashes. They let a system check a program while
//     it loads; here the whole file is digested.
//   - It does not read catalogs, the detached signatures of driver packages,
//     nor MSIX, scripts and other formats.
//
// # What it costs
//
// The file is read once, in blocks, however many signatures it has, and the
// signatures a second time. Memory does not grow with the file, except for one
// bit per sector of a package and the list of its directory. Reading and
// checking signatures and certificates has a budget per file, and any file of
// up to 1 MiB takes at most 64 MiB of memory.
package authenticode
