// Package integrity decides whether a fetched file may be installed.
//
// It is pure. A caller digests the bytes while they stream ([Digester], by the algorithms that [Expectation.Algorithms]
// names), asks a [SignatureVerifier] about the signature, and hands both to [Judge] with what the order expects. The
// [Verdict] says passed or not, by which rule, in one sentence, and keeps everything that was found out. Verifiers of
// formats are packages of their own; integritytest holds the suite each must pass, and [Chain] asks several.
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
//	   {"name": "debian", "vendor": "Debian", "product": "*", "allowUnsigned": true}],
//	 "commands": [
//	   {"name": "stop the editor", "command": ["systemctl", "stop", "acme-editor"]},
//	   {"name": "drain", "command": ["/bin/sh", "-c"], "script": "sha256:…"}]}
//
// Exactly one clause decides about a product: the one that names it, else the one for its vendor,
// else the one for all ("*" for both). A clause may ask for a feed ("feed": the catalog's name of
// it): it is about patches of that feed alone, comes before one that asks for none, and for its
// product or vendor no wider clause lets another feed in (CAT-17). No two clauses may be about the
// same, so their order means nothing. For what no clause is about, nothing is trusted. A clause
// takes nothing away from what the order expects: both must be met. Where the order expects no
// signer and the clause names some, a signature by one of them is what is expected. Verdict.Clause
// names the clause. Vendor and feed are the order's word, and prove nothing: what a clause allows
// for all products of a vendor, a server can have for every product that no clause names. The
// product is held to what the asset has.
//
// Its commands are all that pre- and post-actions of orders may run (INT-10); when, how often and for how long is the
// order's to say.
//
// The trust is declared here and used elsewhere: package policyverify makes a verifier of it. What decides are the
// clauses, an [Excerpt]. A server makes its orders under a policy, so that each carries the policy's digest and the
// clauses for its products; an agent that was given the same policy holds every order to it ([Terms]). The digest covers
// the trust too, so both mean the same by a signer's name.
//
// # The decision
//
// Every file is judged by exactly one row of this table. NoClause and PolicyMismatch come before it (INT-4, see [Terms]).
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
// The columns are:
//
//   - signature: valid is by the order's signer, if the order expects one, and under a policy by a signer
//     of the clause, in one of its formats; otherwise by anybody whom the verifier trusts. Other-format
//     fails by the format alone; other-signer is valid, by anybody else or by nobody who is named. Untrusted
//     is bad only because the verifier trusts nobody who signed ([Signature]).
//   - expected: who names a signer: the order (in the catalog, the artifact), only the clause, or none.
//   - unsigned: whether the clause says AllowUnsigned; yes where there is no policy.
//   - checksum: by the strongest algorithm known for the order and computed of the file. Old (it matches)
//     and old-differs are by SHA-1 or MD5, without the order's AllowLegacy; for a file that is not validly
//     signed, the clause must say AllowLegacy as well.
//   - artifact: latest is Expectation.LatestOnly, as the catalog says it; all others are pinned.
//
// # The rules
//
//   - INT-1. Is the file signed? Then its signature decides: valid and by the expected signer passes, except
//     where INT-5 also wants the checksum; anything else is FileSignatureFailed (11).
//   - INT-2. If there is no signature and none is expected, the checksum is compared. Equal passes; a mismatch
//     is FileHashValidationFailed (12).
//   - INT-3. With neither a signature nor a checksum, the answer is FileValidationFailed (7).
//   - INT-4. The order expects a signer and the file carries no signature: FileSignatureFailed (11), reason
//     SignatureMissing. Taking a signature away never leads to a weaker check, and neither does leaving a
//     policy away: without a clause nothing passes (NoClause), nor under another policy (PolicyMismatch).
//   - INT-5. When both exist, the verdict records whether the checksum matched, whoever decided. Everything
//     but LatestOnly counts as pinned. A checksum that differs fails even under a valid signature (12): for a
//     pinned artifact with a digest that carries trust, and for any order that expects no signer. Only a
//     LatestOnly artifact with an expected signer, named by it or by the policy's clause, may differ (CAT-7).
//   - INT-6. The bytes that were verified are the bytes that get installed: private staging, and digested again
//     when deploy opens the file, by SHA-256, which is always computed. Package job/runner does this.
//   - INT-7. SHA-256, SHA-384 and SHA-512 carry trust. SHA-1 and MD5 do so only by the switch AllowLegacy; the
//     verdict names them (Verdict.Compared). Without it, nothing but them is FileValidationFailed (7).
//   - INT-8. A file that fails makes the installation of its patch fail with the verdict's code and is deleted;
//     the other patches go on. Package job/execution does this.
//   - INT-9. There are four answers about a signature, never blurred: valid (by whom, and when, if it tells),
//     bad, absent, unsupported. Only absent leads to the checksum. Unsupported is FileSignatureFailed (11)
//     with its reason, unless no signer is expected and a digest that carries trust matches: then INT-2 passes
//     it, and the verdict says that it is signed, not judged. No-answer is none of the four, and never passes.
//   - INT-10. A signer policy binds commands too. An agent that is held to one runs a pre- or post-action only if
//     one of the policy's commands allows it, by exact command or by the digest of the script; an agent can be
//     told to run none at all, or, by name, all. An order with an action that may not run does not begin:
//     Failed, naming the action. The server knows it at planning from the agent's capabilities (MAN-11). See
//     Excerpt.Allows and, in package job, Order.Obstacle. The scripts inside a package come with its file: where
//     a clause allows unsigned files, the server chooses those as well.
//   - INT-11. Slow is a failure: a download has a minimum rate and a total time. A URL of a remote feed is never
//     a local file. Packages job/runner and catalog do this.
package integrity
