// Package manifest defines the signed document that lists every order an asset
// should hold, and what the server and the agent do with it.
//
// The server builds a new manifest when an asset's orders change or when
// [RenewalDue] says so. It picks the orders that fit ([Hold]), gives the
// document the next revision and calls [Seal]. The agent calls [Open] with the
// keys it trusts, the revision it holds and its corrected clock, and applies
// the result with [Queue.Apply]. A [Refused] manifest changes nothing and is
// reported.
//
// [Trust] lists the keys. It is a document that the agent pins when it enrols
// and whose later versions it follows. [Bound] computes how long a change
// takes to reach an agent. [CheckIn], [Answer], [Enrolment] and [Enrolled] are
// the messages between the two sides. They do not depend on a transport;
// package agenthttp carries them over HTTP.
//
// The package is pure: it reads no clock, uses no randomness and opens nothing.
//
// # Format
//
// A sealed manifest is a DSSE v1 envelope in JSON with exactly one signature.
// It has at most [MaxSealed] bytes. There is only one way to write the
// envelope: no spaces, the fields in the order below, strings as encoding/json
// writes them, base64 in the standard alphabet with padding. A reader encodes
// the envelope again and refuses it unless every byte is the same, so nobody in
// between can add anything. The signature covers the document inside. The
// section "Different releases side by side" says how a reader treats the
// document.
//
//	sealed    = {"payloadType":type,"payload":base64(payload),
//	             "signatures":[{"keyid":keyid,"sig":base64(sig)}]}
//	type      = "application/vnd.patchpolicy.manifest.v1+json"
//	keyid     = "sha256:" and the SHA-256 of the public key's bytes in
//	            lower-case hex, see PublicKey
//	sig       = the signature over message
//	message   = "DSSEv1 " length(type) " " type " " length(payload) " " payload
//	            lengths in bytes, decimal
//	payload   = the document
//
// The document and its parts are JSON objects with these fields in this order.
// A field in brackets is left out when it is zero, false or empty. The other
// fields are always written; an empty list of orders is [].
//
//	document  = format asset revision issued expires orders
//	order     = id job name run revision start [end] [patches] [pre] [post]
//	            [installLimit] reboot [noLastCall] [early] [cancelled] [begun]
//	            [policy] [rebootUntil] [rebootPending] [needs]
//	patch     = patch product name [vendor] [feed] version [latestOnly]
//	            [reboot] [due] [transaction] [requires] files
//	requires  = patch product version [reboot]
//	file      = name url [signatureUrl] [size] expect
//	expect    = [signer] [digests] [latestOnly] [allowLegacy]
//	action    = name command [timeout]
//	reboot    = [suppress] [deferrals] [interval] [prompt] [countdown]
//	            [hours] [slot] [deadline]
//	policy    = digest [clauses]
//	clause    = name vendor product [feed] [signers] [formats] [allowUnsigned]
//	            [allowLegacy]
//
// Format is 1. Instants are in UTC and whole seconds, such as
// 2026-01-31T12:00:00Z. Durations are in nanoseconds. A version is its scheme,
// a colon and its text. A digest is its algorithm, a colon and lower-case hex.
// Orders are sorted by start, then by id (as bytes). There are at most
// [MaxOrders], no id appears twice, each order is valid by job.Order.Validate,
// and each id names the document's asset. Expires is after issued, by at most
// [MaxLifetime]. The fields of an order are explained at job.Order.
//
// For example, asset web-1 should hold one order of a job that runs one
// command. The payload, broken into lines here:
//
//	{"format":1,"asset":"web-1","revision":7,"issued":"2026-01-31T12:00:00Z",
//	"expires":"2026-02-07T12:00:00Z",
//	"orders":[{"id":"nightly@20260131T120000Z/web-1","job":"nightly",
//	"name":"nightly","run":"nightly@20260131T120000Z","revision":1,
//	"start":"2026-01-31T12:00:00Z","post":[{"name":"note",
//	"command":["/bin/true"]}],"reboot":{}}]}
//
// Sealed with the key whose seed is 32 zero bytes, broken into lines here:
//
//	{"payloadType":"application/vnd.patchpolicy.manifest.v1+json",
//	"payload":"eyJmb3JtYXQiOjEsImFzc2V0Ijoid2ViLTEiLCJyZXZpc2lvbiI6NywiaXNzdWVkI
//	joiMjAyNi0wMS0zMVQxMjowMDowMFoiLCJleHBpcmVzIjoiMjAyNi0wMi0wN1QxMjowMDowMFoiL
//	CJvcmRlcnMiOlt7ImlkIjoibmlnaHRseUAyMDI2MDEzMVQxMjAwMDBaL3dlYi0xIiwiam9iIjoib
//	mlnaHRseSIsIm5hbWUiOiJuaWdodGx5IiwicnVuIjoibmlnaHRseUAyMDI2MDEzMVQxMjAwMDBaI
//	iwicmV2aXNpb24iOjEsInN0YXJ0IjoiMjAyNi0wMS0zMVQxMjowMDowMFoiLCJwb3N0IjpbeyJuY
//	W1lIjoibm90ZSIsImNvbW1hbmQiOlsiL2Jpbi90cnVlIl19XSwicmVib290Ijp7fX1dfQ==",
//	"signatures":[{"keyid":"sha256:139e3940e64b5491722088d9a0d741628fc826e09475d
//	341a780acde3c4b8070",
//	"sig":"LyPcJipa4OFGaVx8lDjTHrTCMMNmJkBM8B/PYNJJrQO/C4RBMSyCMqJq+0HeQ5F8O/0La
//	ZX0/3s94atkmKYTDw=="}]}
//
// # Different releases side by side
//
// An agent and a server of different releases understand each other (MAN-11). A
// reader of a document, a check-in or an answer ignores fields it does not
// know. It keeps an unknown name as text, shows it, and reads the rest as
// usual: see job.Report.NoteUnknown for reports and version.Version.KeepUnknown
// for versions. An order with an unknown version or digest stays in the queue
// but does not start: when it is due, it ends as Failed with code 5 and names
// the field. An order that needs what the agent cannot do ends the same way
// (job.Order.Needs). Zero values are left out, so an older reader does not see
// them.
//
// A release that adds something
//
//   - adds a field whose zero value means what its absence meant before;
//   - never changes the meaning of a field or its kind (number, text, list),
//     and never reuses the name of a removed field;
//   - adds a capability if an agent that ignores the field would do the wrong
//     thing, as with a restriction or a new way to install. Orders require the
//     capability, agents that have it list it in each check-in ([CheckIn.Can]),
//     and the server gives such an order to no other agent. Pre- and
//     post-actions are a capability. An agent that runs only the actions its
//     signer policy allows lists a capability whose name ends in the policy's
//     SHA-256 (INT-10, see job.Obstacle);
//   - raises the format only if older readers must refuse the whole document or
//     message. They then return a [NewerFormat] (for a manifest: Malformed) and
//     keep what they hold. A form without a format number has format 1.
//
// # Trust documents
//
// A sealed trust document is also a DSSE envelope, with type
// "application/vnd.patchpolicy.trust.v1+json" and one or more signatures. Its
// fields are those of [Trust]. A new version is accepted only if it is signed
// by enough root keys of the version before it and by enough of its own. Each
// version's threshold says how many are enough. So the keys that sign every day
// can be replaced without touching any agent, and a stolen one is revoked by
// the next version. Several people can keep the root keys offline.
//
// # Secrets
//
// Each asset shares a [Secret] with its server, which authenticates requests
// and answers. The agent derives an exchange key from its own key; the server
// has an exchange key too. Each side computes the same secret from its own
// private key and the other side's public key, with X25519 and HKDF-SHA256. So
// the secret is never sent, and the server's database does not contain it.
//
// # What an attacker can do
//
// An attacker between server and agent cannot forge or change a manifest. The
// agent also refuses another asset's manifest, an older one than it holds, and
// an expired one. The attacker can hold messages back. The agent then continues
// with its queue until the manifest expires, and the server sees that the agent
// does not call. An agent that lost its state accepts any manifest of its asset
// that has not expired; this is why manifests expire.
//
// A copy of the server's database can be read: inventories, jobs, results. It
// does not let anyone give orders, act as an asset or as the server, or enrol,
// because it contains only public keys and digests of enrolment tokens. With
// the exchange key, an attacker can act as any asset, and can answer its calls
// with a wrong time and wrong acknowledgements, but cannot give orders. With
// the manifest key and an asset's [Secret], an attacker can give orders to its
// agent, until the next version of the trust document.
//
// # Rules
//
//   - MAN-1: The server hands out an order three hours before the run starts
//     ([Lead]). If the job runs in each asset's own time zone, it is three
//     hours before that asset's start. If a job is enabled later than that, its
//     orders are handed out at the next check-in.
//   - MAN-2: A change to a job makes a new manifest revision for each asset
//     concerned. It takes effect on an asset when the asset receives that
//     revision, within the limits of JOB-3 and JOB-5: a cancel counts until
//     deploy starts, a withdrawal until the execution starts.
//   - MAN-3: A change reaches a connected agent in 5 to 30 minutes. The upper
//     bound is the sum of the publishing delay, the network and the wait for
//     the next check-in. [Bound] computes it for a check-in interval; with
//     the defaults it is 23 minutes for every connected agent. There is no
//     bound for an agent that does not call, and the server shows that.
//   - MAN-4: A manifest is the whole queue that the asset should hold now, not
//     a difference, so a lost message can never block an agent. Orders that do
//     not fit into it (Hold) follow later. An order that is absent from a newer
//     revision is withdrawn (JOB-5). An order marked cancelled is cancelled
//     (JOB-3). An order that changed replaces the queued one and leaves a
//     started one alone.
//   - MAN-5: A manifest is signed and names its asset. Its revision only grows,
//     and it expires at most [MaxLifetime] after the agent's corrected time
//     (plus [MaxSkew], because clocks may differ). An agent refuses a manifest
//     with a bad signature, another asset's, one with a lower revision, one
//     with the same revision and other content, one that has expired (at the
//     instant of expiry, it counts as expired), one that expires too late, and
//     one over the size limit. It keeps its queue and reports the refusal. A
//     check-in names the revision and the [Digest] of the manifest held. A
//     server that finds a higher revision, or the same with another digest,
//     numbers the next one above it and records that. After a manifest expires,
//     its orders do not start, and their files are not downloaded early. Both
//     wait until the server answers with a fresh manifest. So an agent without
//     a server for longer than the lifetime ([Lifetime], 7 days) starts nothing
//     and reports due orders as Blocked. The wait ends when the order's window
//     ends. What has begun continues.
//   - MAN-6: Reports are numbered per asset, from 1 without gaps. The server
//     accepts each report exactly once, even if messages are lost, repeated or
//     reordered. Its answer acknowledges all reports up to a number, and the
//     agent keeps the others. The server knows that the agent's state was lost
//     or restored if a call names a lower revision than an earlier call did, or
//     if the agent has made fewer reports than the server accepted
//     ([CheckIn.Made]). Calls are numbered too ([CheckIn.Call]): from a call
//     that is older than the newest one, the server takes only the reports.
//   - MAN-7: Last call: an agent checks in just before it starts an execution
//     and again just before the deploy stage. It waits up to 10 seconds for an
//     answer and continues without one if none comes. While calls fail, it
//     tries again after 1, 2, 4 … seconds, at most 30 seconds apart. If the
//     order's start passed while the asset was off or asleep, the agent waits
//     up to 5 minutes. So while the agent can be reached, the check-in interval
//     does not matter: a withdrawal, change or cancel before the start takes
//     effect, and so does a cancel before the deploy stage. An authenticated
//     refusal ([ErrRefused]) is an answer: nothing starts until a later call is
//     answered without one. An unauthenticated refusal is a failed call. The
//     last call is a setting of the job, on by default. A job's start spread
//     keeps the calls of many assets apart.
//   - MAN-8: Starts are instants in UTC. An agent learns its clock's offset
//     from the server's answers ([Answer.At]), reports it ([CheckIn.Offset]),
//     and applies the corrected time to starts, windows and the expiry of
//     manifests. Durations (countdown, deferral, waits) never shrink or stretch
//     when the clock is set. The administrator sees an offset over 5 minutes.
//   - MAN-9: One asset is one computer. If two boot identities keep alternating
//     (A, B, A, B), two computers use the asset's identity. What counts is the
//     sequence in which agents made the calls ([CheckIn.Call]), not in which
//     they arrived. A, B, A alone is recorded as a restored state (such as a
//     reverted snapshot). A cloned asset is listed, and its manifest keeps only
//     marked orders. These never start; they stay because a cancel must reach
//     an execution that has begun. What has started continues and its reports
//     count; the asset's other orders wait. The asset stops being listed when
//     only one boot identity has called for 24 hours, or when an administrator
//     settles it. The server says how to enrol the copy again.
//   - MAN-10: Removal reaches the agent. The server keeps a removed asset's key
//     and revision for 90 days. Each call is answered with a last, signed,
//     empty manifest until the asset holds it; after that, calls are refused
//     unless they bring reports. A new computer of the same name has another
//     key ([CheckIn.Key]), starts at revision 1, and inherits nothing from the
//     old asset. The removed asset's orders have ended; if it reports within
//     the 90 days how they ended, the history records it.
//   - MAN-11: Releases live side by side. Readers ignore fields they do not
//     know, in check-ins, manifests, agent state and stored records. Unknown
//     enum values are kept as text and never break the rest, but an order whose
//     deciding field is unknown does not start (Failed, code 5, naming the
//     field). Every stored or transmitted form has a format number. A check-in
//     says the agent's release, its host name and what it can do, and the
//     server orders nothing that the agent cannot do. From the first tag on,
//     the forms that each release wrote are kept as test data and must stay
//     readable.
//   - MAN-12: Requests and answers (time, acknowledgement, revision) are
//     authenticated by the [Secret] that the asset and its server agreed on at
//     enrolment. An answer counts only if it is the server's answer to this
//     very call. A number above [MaxNumber] is refused, so no arithmetic on
//     numbers from the wire overflows: [CheckIn.Validate], [Answer.Validate]
//     and [Document.Validate] check it. If the server acknowledges a report
//     that the agent never made, the agent's state was restored, and its next
//     report gets the number after the acknowledged one. An acknowledgement
//     above half of MaxNumber makes the answer a failed call. If the time in an
//     answer differs from the corrected clock by more than [MaxSkew], a second
//     answer must agree with the first. The agent calls again at once, and only
//     once. Until the second answer agrees, the agent does not correct its
//     clock, and ignores a manifest that comes with such a time.
//   - MAN-13: The manifest key can be replaced without touching any agent. A
//     signed trust document (version, keys, threshold, expiry) names the keys
//     that may sign, and each new version is signed by enough root keys of the
//     version before it and by enough of its own. Old versions are kept, so an
//     agent that missed three follows them one by one. The administrator is
//     warned 90 days before a version expires ([TrustNotice]). After it
//     expires, agents keep its keys, report the expiry, and still follow a
//     newer version.
package manifest
