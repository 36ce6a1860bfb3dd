// Package integrity decides whether a fetched file may be installed: which evidence counts, in which order, and with
// which failure code.
//
// It is pure. A caller digests the bytes while they stream ([Digester], by the algorithms that [Expectation.Algorithms]
// names), asks a [SignatureVerifier] about the signature, and hands both to [Judge] with what the order expects. The
// [Verdict] says passed or not, by which rule, in one sentence, and keeps everything that was found out. Verifiers for
// the various formats live in packages of their own; integritytest holds the suite each of them must pass, and [Chain]
// asks several.
//
// # Signer policies
//
// A [Policy] says once, for all orders, whom an organisation trusts and for what. Its signers are named, each with all by
// which its signatures are known; its clauses say for a vendor or a product which of them may have signed, in which
// formats, and whether a file without a signature may pass. [ParsePolicy] reads one from JSON:
//
//	{"format": 1,
//	 "signers": [{"name": "Acme",
//	   "authenticode": [{"anchors": ["sha256:…"], "organisation": "Acme Corporation", "timestampers": ["sha256:…"]}],
//	   "openpgp": [{"keyring": "-----BEGIN PGP PUBLIC KEY BLOCK-----…", "fingerprints": ["…"], "threshold": 1}],
//	   "sigstore": [{"keys": ["-----BEGIN PUBLIC KEY-----…"]}]}],
//	 "clauses": [
//	   {"name": "acme", "vendor": "Acme", "product": "*", "signers": ["Acme"], "formats": ["pe", "msi"]},
//	   {"name": "debian", "vendor": "Debian", "product": "*", "allowUnsigned": true}]}
//
// Exactly one clause decides about a product: the one that names it, else the one for its vendor, else the one for all
// ("*" for both); no two may be about the same, so their order means nothing. For what no clause is about, nothing is
// trusted. A clause takes nothing away from what the order expects: both must be met. Verdict.Clause names it.
//
// The trust is declared here and used elsewhere: package policyverify makes a verifier of it. What decides are the
// clauses, an [Excerpt]. A server makes its orders under a policy, so that each carries the policy's digest and the
// clauses for its products; an agent that was given the same policy holds every order to it ([Terms]). The digest covers
// the trust too, so both mean the same by a signer's name.
//
// # The rules
//
//   - INT-1. The first question is whether the file is signed. If it is, the signature decides: valid and by the signer
//     whom the order expects passes, or by any signer the verifier trusts where the order expects none in particular.
//     Under a policy it must be by one of the clause's signers too, in one of its formats (else FormatNotAllowed).
//     Everything else, a signature that does not hold (SignatureBad), one by nobody whom the verifier trusts (NotTrusted)
//     or one by somebody else (SignerUnexpected), is FileSignatureFailed (11), whatever the checksum says.
//   - INT-2. If there is no signature and none is expected, the checksum is compared. Equal passes; a mismatch is
//     FileHashValidationFailed (12). Of the algorithms known for the order and computed of the file, the strongest is
//     compared.
//   - INT-3. With neither a signature nor a checksum to compare, the answer is FileValidationFailed (7). Such a file is
//     never installed.
//   - INT-4. If the order expects a signer and the file carries no signature, that is FileSignatureFailed (11) with the
//     reason SignatureMissing, even if the checksum matches: taking a signature away must not lead to a weaker check.
//     Neither must leaving a policy away: where there is one, a file without a signature passes only by a clause that says
//     AllowUnsigned, a product that no clause is about does not pass (NoClause), and an order made under another policy
//     than the asset's is refused (PolicyMismatch).
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
//   - INT-10. A signer policy binds commands too: an agent with a policy runs pre- and post-actions only if a clause allows
//     them. Not built yet.
//   - INT-11. Slow is a failure: a download has a minimum rate and a total time, both from the size that is expected; a URL
//     of a remote feed is never a local file. The rate and the time are the work of job/runner; a local file is refused
//     where a feed is synced, by package catalog, and again by job/runner unless its settings allow a folder.
package integrity
