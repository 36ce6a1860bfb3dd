// Package openpgp judges OpenPGP signatures: detached ones, clear-signed texts,
// and those inside RPM packages. It is the adapter of
// [integrity.SignatureVerifier] to github.com/ProtonMail/go-crypto, and the
// only package that imports it.
//
//	v, err := openpgp.New(integrity.Signer{Name: "Vendor", OpenPGP: []integrity.OpenPGPTrust{{Keyring: ring}}})
//	answer := v.Verify(file, size, signatureFile) // valid, bad, absent or unsupported
//	report, err := v.Inspect(file, size, signatureFile) // the same, with everything that was found
//
// # What is judged
//
//   - A signature file, binary or armored, over the whole file: signatures of
//     type 0x00, and of type 0x01 (line ends as CR LF; the file must be a text
//     without a NUL, because in a program every byte counts).
//   - A clear-signed text of at most [MaxClearsigned] bytes, which is the whole
//     file. Use what [Verifier.Clearsigned] returns: exactly what is signed.
//     The signature does not cover the rest of the file, such as blanks at the
//     ends of lines and the armor's headers, so such a file must not be run as
//     it is.
//   - An RPM package of format 4 or 6: signatures over the header (tags 267,
//     268 and 278), which count only if the header has a digest of the payload
//     by SHA-256 or better and the payload matches it, and signatures over
//     header and payload (tags 1002 and 1005). A package is recognized by its
//     first bytes, whatever the file's name is. The region is the part of a
//     header that rpm keeps. Nothing in the main header may be outside it. In
//     the signature header, which is not signed, signatures may be: signing
//     servers put them there.
//
// Signatures of versions 4 and 6 are judged, and those of version 3 that rpm
// made for a long time; RSA, ECDSA, EdDSA, and the newer kinds that the library
// knows.
//
// # What counts
//
//   - Keys are only those of the signers ([integrity.OpenPGPTrust]). There is
//     no web of trust and no key server. Of a keyring, only the keys in
//     Fingerprints count, or all if it is empty.
//   - Digests are SHA-256, SHA-384, SHA-512 and SHA-3. Signatures over SHA-1,
//     SHA-224 and MD5 prove nothing (INT-7), nor do those by RSA keys under
//     2048 bits and DSA and ElGamal keys. A key's signatures of itself may be
//     over SHA-1.
//   - A signature is judged at the time that it says it was made: the key must
//     exist then and not have expired, as its newest self-signature says. The
//     package has no clock. [Verifier.At] sets one; then signature and key must
//     be good at that instant too. Package aptfeed uses it for documents that
//     must be fresh. Without it a signature stays valid after its key expired,
//     as in a package that was shipped long ago.
//   - A revoked key never counts, whenever and for whatever reason it was
//     revoked. The revocation need not be proven, because a keyring is
//     configuration.
//   - A subkey counts if it may sign, and if it and its primary key have signed
//     each other.
//   - At least Threshold different people must have signed. A key and its
//     subkeys are one person.
//
// # What it answers
//
//   - Absent: there is no signature file, and the content is neither a
//     clear-signed text nor a signed package.
//   - Valid: enough signatures of one signer are [Good], and none that names a
//     known key is [Broken] or not judged. Others may be by unknown keys,
//     expired or weak. In a package each signature with a tag of its own must
//     hold. SignedAt is the time of the newest one that counts.
//   - Unsupported: it is well formed, but of a kind or size that is not judged
//     (INT-9). That is a signature file that is not OpenPGP; a message with its
//     content inside; a text that programs read differently; a Debian package
//     with a signature inside (debsig-verify); an RPM package of format 3 or
//     older, or with signatures of its files only; signatures of kinds,
//     versions and digests that are not judged, and no others; a file that
//     cannot be read.
//   - Bad: anything else, including an empty signature file or block; a block
//     whose signature is cut off; text before or after a block; more than one
//     block; a digest that the Hash header does not name; junk around armor or
//     packets; armor with a wrong checksum or END line; a signature that names
//     two keys; a package that is cut off, extended, or does not match its own
//     size or digests. It is Untrusted too if no signature counts, none is
//     [Broken], and one is by an [UnknownKey]. Without the key nobody can say
//     whether that one holds. A package must still match what it says about
//     itself.
//
// A text of at most MaxClearsigned bytes counts as clear-signed if any line of
// it begins a signed block, so text in front of the block does not make it
// unsigned. A file with a NUL before that line is not a text: programs that
// mention OpenPGP are not signed texts. Whoever can put a NUL there can also
// remove the signature; INT-4 covers that.
//
// Not judged are what an RPM package says about its files (digests and IMA
// signatures; the payload is covered as a whole) and a package's MD5. Ordinary
// Debian packages carry no signature inside.
//
// # What it costs
//
// A file is read once for all digests that its signatures need. Memory does not
// grow with the file: a quarter of a MiB, plus the headers of a package, plus
// all of a possible clear-signed text. With SHA-256 this is as fast as a
// checksum. SHA-512 takes about twice as long, and so does a package with both
// kinds of signature. Any input of up to 1 MiB takes less than a second and 64
// MiB.
package openpgp
