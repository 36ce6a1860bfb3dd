// Package openpgp judges OpenPGP signatures: detached ones, clear-signed texts, and those inside RPM packages. It is the
// adapter of [integrity.SignatureVerifier] to github.com/ProtonMail/go-crypto, and the only package that imports it.
//
//	v, err := openpgp.New(integrity.Signer{Name: "Vendor", OpenPGP: []integrity.OpenPGPTrust{{Keyring: ring}}})
//	answer := v.Verify(file, size, signatureFile) // valid, bad, absent or unsupported
//	report, err := v.Inspect(file, size, signatureFile) // the same, with everything that was found
//
// # What is judged
//
//   - A signature file, binary or armored, over the whole file: signatures of type 0x00 and 0x01 (line ends as CR LF; the
//     file has to be a text, without a NUL: in a program every byte counts).
//   - A clear-signed text of at most [MaxClearsigned] bytes, which is the whole file. [Verifier.Clearsigned] returns what is
//     signed and nothing else; use that. The file around it is not covered: blanks at the ends of lines, what its armor says,
//     so that such a file must not be run as it is.
//   - An RPM package of format 4 or 6: signatures over the header (tags 267, 268 and 278), which count only if the header
//     promises the payload by SHA-256 or better and the payload keeps that, and signatures over header and payload (tags 1002
//     and 1005). The parts are recognised by their magic, whatever the file is called. In the header nothing may be outside
//     the region that rpm keeps; in the signature header, which nobody signs, signing servers put signatures there.
//
// Signatures of versions 4 and 6 are judged, and those of version 3 that rpm made for long; RSA, ECDSA, EdDSA, and the newer
// kinds that the library knows.
//
// # What counts
//
//   - Keys are those of the signers ([integrity.OpenPGPTrust]) alone. There is no web of trust and no key server. Of the keyring only the keys named
//     by Fingerprints count, or all.
//   - Digests are SHA-256, SHA-384, SHA-512 and SHA-3. Signatures over SHA-1, SHA-224 and MD5 prove nothing (INT-7), nor do
//     those by RSA keys under 2048 bits, DSA and ElGamal keys. What a key's owner says of the key itself may be over SHA-1.
//   - A signature is judged at the time that it says it was made: its key has to exist then and not to have expired, as the
//     newest self-signature says. The package has no clock. [Verifier.At] gives it one, and then signature and key have to be
//     good at that instant as well: so aptfeed judges what has to be fresh. An expired key's signature of its better days
//     stays valid otherwise, as for a package that was shipped long ago.
//   - A key that carries a revocation never counts, whenever it was revoked and for whatever reason, even if the revocation
//     is not proven: a keyring is configuration.
//   - A subkey counts if it says that it signs, and it and its primary key have signed for each other.
//   - Threshold of a way's people have to have signed; a key and its subkeys are one of them.
//
// # What it answers
//
//   - Absent: no signature file, and the content is neither a clear-signed text nor a signed package.
//   - Valid: for some way in which a signer is known enough signatures are [Good], and none that names a known key is [Broken]
//     or not judged. Others may be by unknown keys, expired or weak; in a package each signature with a tag of its own has to
//     hold. SignedAt is the time of the newest one that counts.
//   - Unsupported: what is well formed, and of a kind or size that is not judged (INT-9). A signature file that is not
//     OpenPGP; a message with its content inside; a text that programs read differently; a Debian package with a signature
//     inside (debsig-verify); an RPM package of format 3 or older, or with signatures of its files alone; or signatures of kinds, versions
//     and digests that are not judged, and no others. A file that cannot be read.
//   - Bad: anything else. So are: an empty signature file or block; a block whose signature is cut off; text before or after
//     a block; more than one block; a digest that the Hash header does not name; junk around armor or packets; armor whose
//     checksum or END line is not right; a signature that names two keys; a package that is cut off, extended, or whose size
//     or digests are not what its own headers say. It is Untrusted too if no signature counts, none is [Broken], and one is by
//     an [UnknownKey]: whether that one holds, nobody can tell without the key. What a package says of itself has to be right.
//
// A text of at most MaxClearsigned bytes is taken for clear-signed if any line of it begins a signed block, so that nothing
// put before the block makes it unsigned. A file with a NUL before that line is no text: programs that speak of OpenPGP are
// no signed texts. Whoever can put a NUL there can take the signature away as well, which is what INT-4 is for.
//
// Not judged: what an RPM package says of its files (digests and IMA signatures of each; the payload is covered as a whole),
// and the MD5 of a package. Ordinary Debian packages carry no signature inside.
//
// # What it costs
//
// A file is read once, for all digests that its signatures need, in memory that does not depend on its size: a quarter of a
// MiB, besides the headers of a package, and the whole of what may be a clear-signed text. By SHA-256 that is as fast as a checksum; SHA-512 takes about twice as long, and so does a package with signatures of
// both kinds. Whatever the input, up to 1 MiB of it takes less than a second and 64 MiB.
package openpgp
