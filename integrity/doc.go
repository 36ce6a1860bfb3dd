// Package integrity decides whether a downloaded file may be installed.
//
// The package does no I/O and keeps no state. The caller digests the bytes
// while they arrive ([Digester], with the algorithms that
// [Expectation.Algorithms] lists), asks a [SignatureVerifier] about the
// signature, and passes both to [Judge] with what the order expects. The
// [Verdict] says whether the file passed, by which rule and why, and records
// everything that was found out. Each family of formats has a verifier in a
// package of its own. Every verifier must pass the suite in integritytest.
// [Chain] asks several verifiers.
//
// # Signer policies
//
// A [Policy] says whom an organization trusts and for what, once for all
// orders. It names signers, and lists the keys and certificates of each. Its
// clauses say, for a vendor or a product, which signers may sign, in which
// formats, and whether an unsigned file may pass. [ParsePolicy] reads a policy
// from JSON:
//
//	{"format": 1,
//	 "signers": [{"name": "Acme",
//	   "authenticode": [{"anchors": ["sha256:…"], "organization": "Acme Corporation", "timestampers": ["sha256:…"]}],
//	   "openpgp": [{"keyring": "-----BEGIN PGP PUBLIC KEY BLOCK-----…", "fingerprints": ["…"], "threshold": 1}],
//	   "sigstore": [{"keys": ["-----BEGIN PUBLIC KEY-----…"]}]}],
//	 "clauses": [
//	   {"name": "acme", "vendor": "Acme", "product": "*", "signers": ["Acme"], "formats": ["pe", "msi"]},
//	   {"name": "debian", "vendor": "Debian", "product": "*", "allowUnsigned": true}],
//	 "commands": [
//	   {"name": "stop the editor", "command": ["systemctl", "stop", "acme-editor"]},
//	   {"name": "drain", "command": ["/bin/sh", "-c"], "script": "sha256:…"}]}
//
// Exactly one clause decides about a product: the clause that names the
// product, otherwise the clause for its vendor, otherwise the clause for all
// ("*" for both). A clause may name a feed by its id in the catalog. Then it
// covers only patches of that feed, and it takes precedence over a clause
// without a feed. If that product or vendor comes from another feed, no wider
// clause decides (CAT-17). Two clauses cannot have the same vendor, product and
// feed, so the order of clauses does not matter. If no clause matches, nothing
// is trusted. A clause never relaxes what the order expects: a file must meet
// both. If the order expects no signer but the clause names signers, one of
// those must have signed. Verdict.Clause names the clause. Vendor and feed are
// claims of the order and prove nothing: for a product that no clause names, a
// dishonest server can claim any vendor, and so gets the clause of that vendor.
// The product itself is checked against what the asset has.
//
// Pre- and post-actions of orders may run only the policy's commands (INT-10).
// The order decides when they run, how often and for how long.
//
// Package policyverify makes a verifier from the policy's signers. An [Excerpt]
// holds the clauses and commands without the keys. A server with a policy makes
// its orders under that policy: each order carries the policy's digest and the
// clauses for its products. An agent with the same policy checks every order
// against it ([Terms]). The digest covers the signers too, so both sides mean
// the same by a signer's name.
//
// # The decision
//
// Exactly one row of this table applies to each file. NoClause and
// PolicyMismatch are checked first (INT-4, see [Terms]).
//
//	signature     expected      unsigned  checksum             artifact  answer                    rule
//	valid         -             -         matches old none     -         pass SignatureValid       INT-1
//	valid         order clause  -         differs              latest    pass SignatureValid       INT-1
//	valid         order clause  -         differs              pinned    12 ChecksumMismatch       INT-5
//	valid         order clause  -         old-differs          -         pass SignatureValid       INT-1
//	valid         none          -         differs old-differs  -         12 ChecksumMismatch       INT-5
//	other-format  -             -         -                    -         11 FormatNotAllowed       INT-1
//	other-signer  -             -         -                    -         11 SignerUnexpected       INT-1
//	bad           -             -         -                    -         11 SignatureBad           INT-1
//	untrusted     -             -         -                    -         11 NotTrusted             INT-1
//	no-answer     -             -         -                    -         11 SignatureUnsupported   INT-9
//	absent        order         -         -                    -         11 SignatureMissing       INT-4
//	absent        clause none   no        -                    -         11 SignatureMissing       INT-4
//	absent        clause none   yes       matches              -         pass ChecksumMatched      INT-2
//	absent        clause none   yes       differs              -         12 ChecksumMismatch       INT-2
//	absent        clause none   yes       old old-differs      -         7 LegacyDigest            INT-7
//	absent        clause none   yes       none                 -         7 NoEvidence              INT-3
//	unsupported   order clause  -         -                    -         11 SignatureUnsupported   INT-9
//	unsupported   none          no        -                    -         11 SignatureUnsupported   INT-9
//	unsupported   none          yes       matches              -         pass SignedNotJudged      INT-2
//	unsupported   none          yes       differs none         -         11 SignatureUnsupported   INT-9
//	unsupported   none          yes       old old-differs      -         11 SignatureUnsupported   INT-9
//
// A cell lists every value that the row covers; - means any value. The columns
// are:
//
//   - signature: valid means validly signed by the order's signer, if it
//     expects one, and by one of the clause's signers in one of its formats, if
//     there is a policy. Without either, any signer that the verifier trusts is
//     enough. Other-format: the signature is valid except that its format is
//     not allowed. Other-signer: the signature is valid, but by another signer,
//     or the verifier cannot name the signer. Untrusted: bad only because the
//     verifier trusts none of those who signed ([Signature]). No-answer: the
//     verifier returned none of the four answers of INT-9.
//   - expected: what names the expected signer: the order (which has it from
//     the artifact in the catalog), only the clause, or none.
//   - unsigned: whether the clause says AllowUnsigned. Without a policy it is
//     yes.
//   - checksum: the comparison by the strongest algorithm that the order has
//     and that was computed. Old: a SHA-1 or MD5 checksum matches but carries
//     no trust, because the order does not set AllowLegacy, or the file is not
//     validly signed and the clause does not set it. Old-differs: such a
//     checksum differs.
//   - artifact: latest means Expectation.LatestOnly, as the catalog says; every
//     other artifact is pinned.
//   - answer: pass or the code of the failure, and the reason.
//
// # The rules
//
//   - INT-1. If a file is signed, its signature decides. A valid signature by
//     the expected signer passes, except where INT-5 also requires the
//     checksum. Anything else is FileSignatureFailed (11), except an
//     unsupported signature that INT-9 lets the checksum decide.
//   - INT-2. If there is no signature and none is expected, the checksum is
//     compared. Equal passes; a mismatch is FileHashValidationFailed (12).
//   - INT-3. Without a signature and without a checksum, the answer is
//     FileValidationFailed (7), and the file is never installed.
//   - INT-4. If the order expects a signer and the file has no signature, the
//     answer is FileSignatureFailed (11), reason SignatureMissing. Removing a
//     signature never leads to a weaker check. Under a policy, a file fails if
//     no clause matches (NoClause), or if it was ordered under a policy other
//     than the asset's own (PolicyMismatch).
//   - INT-5. If a file has a signature and the order has a checksum, the
//     verdict records whether the checksum matched, whichever of the two
//     decided. Every artifact that is not LatestOnly is pinned. Even with a
//     valid signature, a checksum that differs fails the file (12) if the
//     artifact is pinned and the digest carries trust, or if neither the order
//     nor the policy's clause expects a signer. A LatestOnly artifact may
//     differ if the artifact or the clause names a signer (CAT-7). No setting
//     changes this.
//   - INT-6. The bytes that were verified are the bytes that are installed:
//     they are staged in a private directory, at a path that no unprivileged
//     user can replace. When the deploy stage opens a file, it computes the
//     SHA-256 digest again, always. Package job/runner does this.
//   - INT-7. SHA-256, SHA-384 and SHA-512 carry trust. SHA-1 and MD5 do so only
//     if AllowLegacy is set, and the verdict names them (Verdict.Compared).
//     Otherwise a file with no other digest is FileValidationFailed (7).
//   - INT-8. If a file fails, its patch fails with the verdict's code, and the
//     file is deleted. The other patches go on. Package job/execution does
//     this.
//   - INT-9. A verifier gives one of four distinct answers: valid (by whom, and
//     when if known), bad, absent, unsupported. Absent lets the checksum
//     decide. Unsupported is FileSignatureFailed (11) with its reason, with one
//     exception: if no signer is expected and a digest that carries trust
//     matches, INT-2 passes the file, and the verdict says that it is signed
//     but not judged. A file that visibly carries a signature of a kind that is
//     not judged (MSIX, a Windows catalog file, PowerShell, xar, a kernel
//     module, debsig) is unsupported, not absent. An answer that is none of the
//     four (no-answer in the table) never passes.
//   - INT-10. A signer policy covers commands too. An agent with a policy runs
//     a pre- or post-action only if one of the policy's commands allows it, by
//     the exact command or by the digest of the script. An agent's settings can
//     also forbid all actions, or explicitly allow all. An order with an action
//     that may not run does not begin: it is Failed, and the result names the
//     action. The server knows this when it plans, from the agent's
//     capabilities (MAN-11). See Excerpt.Allows, and Order.Obstacle in package
//     job. Scripts inside a package come with its file: where a clause allows
//     unsigned files, the server chooses those scripts as well.
//   - INT-11. A slow download fails: it has a minimum rate, and a total time
//     that depends on the expected size. A URL of a remote feed is never a
//     local file. Packages job/runner and catalog do this.
package integrity
