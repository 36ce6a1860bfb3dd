// Package authenticode judges the signatures inside Windows programs, libraries and drivers (PE), Windows Installer
// packages (MSI) and cabinets (CAB): an adapter of [integrity.SignatureVerifier] that needs nothing but the standard library.
//
// A [Verifier] trusts the signers it was made with and nobody else. A signer is known by the certificates its chain may
// end in, pinned by their SHA-256, and by what its own certificate says ([integrity.AuthenticodeTrust]); the system's roots
// are never asked, and no network either. [Inspect] tells people what a file says about itself, and so what there is to pin.
//
// # What it takes
//
//   - PE: every PKCS #7 entry of the certificate table, 32 or 64 bits. Digested is all of the file but the checksum in the
//     header, the table's directory entry, and the table, which must be the file's end.
//   - MSI, and transforms and patches: the stream DigitalSignature, and MsiDigitalSignatureEx if there is one. Digested are
//     the streams in the order of their names, and with the second stream their names, sizes and times, too. The signature
//     must say that it is over a package: a script's, by the same vendor, would fit streams cut out of the script.
//   - CAB: the signature that the reserved part of the header names, which must be the file's end.
//   - PKCS #7 SignedData in DER, or in BER as some timestamp authorities write it, with one signer, authenticated
//     attributes, SHA-256, SHA-384 or SHA-512, and RSA (PKCS #1 v1.5 or PSS) with 2048 to 8192 bits or ECDSA on P-256, P-384
//     or P-521, all along the chain.
//   - Signatures nested in the first one, one level deep, as files have that are signed with SHA-1 and SHA-256.
//   - Timestamps by RFC 3161, and PKCS #9 countersignatures, which are as good if they are by strong algorithms and a
//     pinned authority. Of several the earliest counts.
//
// # What it answers
//
//   - Valid: one signature is by a signer, at a time when the signer's certificates were valid. Signer is its name,
//     SignedAt the timestamp's time, zero if it was judged at AuthenticodeTrust.At.
//   - Absent: the file is of another format, or of one of the three and carries no signature. A file whose signature was
//     taken away is just that; an order that expects a signer refuses it (INT-4).
//   - Unsupported: a signature is there and cannot be judged. It has no trusted timestamp and the signer no AuthenticodeTrust.At;
//     it is over a bound of this package; its structure is one that nobody uses; the file cannot be read; the
//     program is tagged.
//   - Bad: anything else. It is Untrusted too if the signature holds and its chain merely ends at no anchor, or is of another
//     organisation or without a usage that is wanted.
//
// A signature that does not hold or cannot be read, whoever is trusted, decides even if another one is valid. One that
// holds and is by a stranger, by weak algorithms (SHA-1, MD5, short keys) or without a time only decides if no other is
// valid: a stranger cannot spoil a file by signing it, too.
//
// What no signature covers must be empty, since it is a place for others to put things: bytes after the certificate
// table, after a cabinet's signature or after a package's last sector, padding beyond what aligns a signature, entries of
// unknown kind, header fields that are not digested. Left alone is what the formats mean to be changed: a program's
// checksum field, certificates that no chain uses, attributes that are not signed.
//
// A tagged program has more than padding after the signature in its entry, where some vendors'
// servers write who downloaded it. If the signature holds otherwise that is Unsupported: not valid,
// since anybody can write a tag and programs obey theirs, nor bad, as an exact digest may vouch for
// it (INT-9).
//
// In a package the signature does not cover its header, free sectors in the middle, the rest of a
// stream's last sector, and without MsiDigitalSignatureEx the names of streams and where one ends
// and the next begins. A package with that stream can be turned into one without; it is noticed
// only where its 32 bytes are all of the first stream.
//
// # Time
//
// There is no clock. Certificates live for days to years and mostly have expired when a file is installed, so they are
// judged at the time that a trusted timestamp tells; AuthenticodeTrust.Timestampers pins whose. Without one they are judged at
// AuthenticodeTrust.At, an instant that the author of a policy chose, and without that not at all. A signer's certificate with the
// usage lifetime signing (1.3.6.1.4.1.311.10.3.13) is always judged at AuthenticodeTrust.At. A timestamp that nobody trusts is
// worth as much as none; one that does not hold makes the file bad.
//
// # What it does not do
//
//   - Revocation is not asked, neither lists nor responders: that takes a network and a clock. A signer who lost a key
//     is taken out of the policy; a policy may pin the signer's certificate instead of its authority's.
//   - Page hashes are not compared. They let a system check a program while it loads parts of it; here all of it is digested.
//   - Catalogs, the detached signatures of drivers' packages, are not read; nor are MSIX, scripts and other formats.
//
// # What it costs
//
// The file is read once, in blocks, whatever the number of its signatures, and the signatures themselves a second time;
// memory does not depend on its size, but for one bit for each sector of a package and the list of its directory. What is
// read and checked of signatures and certificates is counted against a budget for each file, however hostile, and any file of
// up to 1 MiB takes at most 64 MiB of memory.
package authenticode
