// Package integrity decides whether a fetched file may be installed: which evidence counts, in which order, and with
// which failure code.
//
// It is pure. A caller digests the bytes while they stream ([Digester], by the algorithms that [Expectation.Algorithms]
// names), asks a [SignatureVerifier] about the signature, and hands both to [Judge] with what the order expects. The
// [Verdict] says passed or not, by which rule, in one sentence, and keeps everything that was found out. Verifiers for
// the various formats live in packages of their own; integritytest holds the suite each of them must pass, and [Chain]
// asks several.
//
// # The rules
//
//   - INT-1. The first question is whether the file is signed. If it is, the signature decides: valid and by the signer
//     whom the order expects passes, or by any signer the verifier trusts where the order expects none in particular.
//     Everything else, a signature that does not hold or one by somebody else, is FileSignatureFailed (11), whatever
//     the checksum says.
//   - INT-2. If there is no signature and none is expected, the checksum is compared. Equal passes; a mismatch is
//     FileHashValidationFailed (12). Of the algorithms known for the order and computed of the file, the strongest is
//     compared.
//   - INT-3. With neither a signature nor a checksum to compare, the answer is FileValidationFailed (7). Such a file is
//     never installed.
//   - INT-4. If the order expects a signer and the file carries no signature, that is FileSignatureFailed (11) with the
//     reason SignatureMissing, even if the checksum matches: taking a signature away must not lead to a weaker check.
//   - INT-5. When there is a signature and a checksum, the verdict records whether the checksum matched as well, whoever
//     decided. The switch Strict requires both halves; where only strictness refuses the file, the reason is StrictUnmet
//     with the code of the half that failed: 11 if the signature is missing, 12 if the checksum is missing, does not match or
//     carries no trust. Strict is recommended for files whose address serves one version alone; a file
//     whose address always serves the newest version cannot satisfy it once the vendor moved on.
//   - INT-6. The bytes that were verified are the bytes that get installed: they lie in private staging where no
//     unprivileged user can swap them, and are digested again from the descriptors that the deployment opens. SHA-256 is
//     always computed so that there is something to compare then. The staging and the second check are the work of the
//     packages that hold the file, job/runner and its platforms.
//   - INT-7. SHA-256, SHA-384 and SHA-512 carry trust. SHA-1 and MD5 do so only by the explicit switch AllowLegacy, and
//     then the verdict names them. With nothing but them and no switch, the answer is FileValidationFailed (7), reason
//     LegacyDigest. How they compared is recorded all the same; Verdict.Compared says by which algorithm.
//   - INT-8. A file that fails makes the installation of its patch fail with the verdict's code and is deleted; the other
//     patches of the order go on. Carried out by the execution machine in package job.
//   - INT-9. There are four answers about a signature, and they are never blurred: valid (by whom, and when it was signed
//     if the signature tells), bad, absent, unsupported. Only absent may lead to the checksum. Unsupported is
//     FileSignatureFailed (11) with its reason, and so is an answer that is none of the four.
package integrity
