// Package manifest holds the signed document that tells an asset every order it should hold, and what both sides do with it.
//
// When what an asset should hold changed, or [RenewalDue] says so, the server takes the orders that fit into one document, see
// [Hold], numbers it and calls [Seal]. The agent calls [Open] with the keys that it believes, the revision it holds and its corrected
// clock, and applies what it gets with [Queue.Apply]; a [Refused] manifest changes nothing and is reported.
// Which keys those are, [Trust] says: a document that the agent pins when it enrols, and whose later versions it follows.
// [Timing] computes how long a change takes to reach an agent. [CheckIn], [Answer], [Enrolment] and [Enrolled] are what the two
// sides say to each other, whatever carries it; package agenthttp carries it over HTTP.
//
// The package is pure: it reads no clock, draws no randomness and opens nothing.
//
// # Format
//
// A sealed manifest is a DSSE v1 envelope in JSON with exactly one signature, at most [MaxSealed] bytes long. The envelope is written
// in one way only: without spaces, the fields in this order, strings as encoding/json writes them, base64 of the standard
// alphabet with padding. A reader writes again what it has read and refuses what does not come out the same to the byte, so
// nobody on the way can add anything to it. The document within is covered by the signature, and read as the next section says.
//
//	sealed    = {"payloadType":type,"payload":base64(payload),"signatures":[{"keyid":keyid,"sig":base64(sig)}]}
//	type      = "application/vnd.patchpolicy.manifest.v1+json"
//	keyid     = "sha256:" and the SHA-256 of the public key's bytes, see PublicKey, in lower-case hex
//	sig       = the signature over message
//	message   = "DSSEv1 " length(type) " " type " " length(payload) " " payload
//	            lengths in bytes, decimal
//	payload   = the document
//
// The document and its parts are JSON objects with these fields in this order. A field in brackets is left out when it is zero,
// false or empty; the others are always there, and an empty list of orders is [].
//
//	document  = format asset revision issued expires orders
//	order     = id job name run revision start [end] [patches] [pre] [post] [installLimit] reboot [noLastCall] [early] [cancelled] [begun] [policy] [rebootPending] [needs]
//	patch     = patch product name [vendor] [feed] version [latestOnly] [reboot] [transaction] [requires] files
//	requires  = patch product version [reboot]
//	file      = name url [signatureUrl] [size] expect
//	expect    = [signer] [digests] [latestOnly] [allowLegacy]
//	action    = name command [timeout]
//	reboot    = [suppress] [deferrals] [interval] [prompt] [countdown]
//	policy    = digest [clauses]
//	clause    = name vendor product [feed] [signers] [formats] [allowUnsigned] [allowLegacy]
//
// Format is 1. Seal writes the fields in this order. Instants are in UTC and whole seconds, as 2026-01-31T12:00:00Z; durations are nanoseconds; a version is its
// scheme, a colon and its text; a digest is its algorithm, a colon and lower-case hex. Orders are written by start and then id (as
// bytes), none twice, [MaxOrders] at most, each valid by job.Order.Validate and with an id that names the document's asset. Expires is
// after issued, by [MaxLifetime] at most. The meaning of an order's fields is told at job.Order.
//
// For example, asset web-1 should hold one order, of a job that runs one command. The payload, broken into lines here:
//
//	{"format":1,"asset":"web-1","revision":7,"issued":"2026-01-31T12:00:00Z","expires":"2026-02-07T12:00:00Z",
//	"orders":[{"id":"nightly@20260131T120000Z/web-1","job":"nightly","name":"nightly","run":"nightly@20260131T120000Z",
//	"revision":1,"start":"2026-01-31T12:00:00Z","post":[{"name":"note","command":["/bin/true"]}],"reboot":{}}]}
//
// Sealed with the key whose seed is 32 zero bytes, broken into lines here:
//
//	{"payloadType":"application/vnd.patchpolicy.manifest.v1+json","payload":
//	"eyJmb3JtYXQiOjEsImFzc2V0Ijoid2ViLTEiLCJyZXZpc2lvbiI6NywiaXNzdWVkIjoiMjAyNi0wMS0zMVQxMjowMDowMFoiLCJleHBpcmVzIjoiMjAyNi
//	0wMi0wN1QxMjowMDowMFoiLCJvcmRlcnMiOlt7ImlkIjoibmlnaHRseUAyMDI2MDEzMVQxMjAwMDBaL3dlYi0xIiwiam9iIjoibmlnaHRseSIsIm5hbWUiOi
//	JuaWdodGx5IiwicnVuIjoibmlnaHRseUAyMDI2MDEzMVQxMjAwMDBaIiwicmV2aXNpb24iOjEsInN0YXJ0IjoiMjAyNi0wMS0zMVQxMjowMDowMFoiLCJwb3
//	N0IjpbeyJuYW1lIjoibm90ZSIsImNvbW1hbmQiOlsiL2Jpbi90cnVlIl19XSwicmVib290Ijp7fX1dfQ==",
//	"signatures":[{"keyid":"sha256:139e3940e64b5491722088d9a0d741628fc826e09475d341a780acde3c4b8070",
//	"sig":"LyPcJipa4OFGaVx8lDjTHrTCMMNmJkBM8B/PYNJJrQO/C4RBMSyCMqJq+0HeQ5F8O/0LaZX0/3s94atkmKYTDw=="}]}
//
// # Releases side by side
//
// An agent and a server of different releases understand each other (MAN-11). A reader of a document, a call or an answer
// ignores fields that it does not know. A name that it does not know is kept as text and shown, and the rest is as it came: see
// job.Report.NoteUnknown for a report, version.Version.KeepUnknown for a version. An order in which a version or a digest is not
// known stays in the queue and is not started: when it is due, it ends as Failed with code 5, naming the field, and so does one
// that needs what the agent cannot do (job.Order.Needs). What is zero is left out, so an older reader does not see it.
//
// A release that has something new to say
//
//   - adds a field, whose zero value means what was meant before there was a field;
//   - never changes what a field means, nor its kind (a number, a text, a list), nor takes the name of one that is gone;
//   - adds a capability where an agent that ignores the field would do the wrong thing: a restriction, or another way to install.
//     Orders need it, agents that have it say so in each call, and the server hands such an order to no other ([CheckIn.Can]).
//     Pre- and post-actions are one; an agent that runs only those which its signer policy allows says so by a name that ends
//     in the policy's SHA-256 (INT-10, see job.Obstacle);
//   - raises the format only if older readers must refuse the whole. They then say so with a [NewerFormat] (a document: Malformed),
//     and keep what they hold. A form without a number is of format 1.
//
// # Trust documents
//
// A sealed trust document is a DSSE envelope too, with type "application/vnd.patchpolicy.trust.v1+json" and one or more
// signatures. Its fields are those of [Trust]. The next version counts when as many root keys of the present one have signed it as that
// one wants, and as many of its own. So the keys that sign every day can be replaced with no agent touched by hand, a
// thief of such a key is shut out by the next version, and the root keys can be kept offline, with several holders.
//
// # Secrets
//
// Each asset shares a [Secret] with its server, by which requests and answers are authenticated. It is X25519 between a
// key made from the agent's own and the server's exchange key, through HKDF with SHA-256; so nothing secret is sent, and none is
// in the server's database.
//
// # What whoever is on the way, or has a copy, can do
//
// Whoever carries manifests can neither forge nor change one, nor give an agent one of another asset, an older one than it
// holds, or an expired one. They can hold messages back; an agent then goes on with the queue it has until that expires, and the
// server sees that it does not call. An agent that lost its state takes any manifest of its asset that has not expired,
// which is why they expire.
//
// With a copy of the server's database one can read it: inventories, jobs, results. One can neither give orders, nor speak
// as an asset or as the server, nor enrol: it holds public keys, and digests of enrolment tokens. With the exchange key, one can speak as any
// asset, and answer its calls with a wrong time and acknowledgements, but give no orders. With the manifest key, one can give
// orders to agents whose answers one can authenticate as well, until the next version of the trust document.
//
// # Rules
//
//   - MAN-1: The server hands an order out three hours before the run's start ([Lead]); where each asset goes by its own zone, three
//     hours before that asset's start. A job that is enabled later than that is handed out at the next check-in.
//   - MAN-2: A change to a job makes a new manifest revision for each asset it concerns. It takes effect on an asset when that asset
//     receives it, within what JOB-3 and JOB-5 allow: a cancel until deploy starts, a withdrawal until the execution starts.
//   - MAN-3: A change reaches a connected agent in 5 to 30 minutes. The bound is the sum of the publishing delay, the network and the
//     wait for the next check-in; [Timing.Bound] computes it for given settings, and the defaults keep it at 23 minutes, within the 30,
//     for every connected agent. For an agent that does not call there is no bound, and the server shows it as such.
//   - MAN-4: A manifest is the whole queue an asset should hold, not a difference, so a lost message can never wedge an agent. An order
//     that is absent from a newer revision is withdrawn (JOB-5); one that is marked cancelled in it is cancelled (JOB-3); one that
//     changed replaces the queued one and leaves a started one alone.
//   - MAN-5: A manifest is signed, names its asset, carries a revision that only grows and an expiry at most [MaxLifetime] after the
//     agent's corrected time (and [MaxSkew], by which clocks may differ). An agent refuses a bad signature, another asset's manifest,
//     a lower revision, the same revision with other content, an expired one (at the instant of expiry it is), one that expires too
//     late, and one over the size limit. It keeps the queue it has and reports the refusal. A check-in names the revision and the
//     [Digest] of the manifest held; a server that finds a higher revision, or the same with another digest, goes on above it and
//     records it. Orders of a manifest that has expired since are not started, nor their files fetched early, until a server has
//     answered, which sends a fresh one: an agent without a server for longer than the lifetime ([Lifetime]) starts nothing, and
//     reports what is due as Blocked. A window ends the wait; what has begun goes on.
//   - MAN-6: Reports carry a sequence number for each asset, from 1 without gaps. The server accepts each exactly once, whatever is
//     lost, repeated or reordered on the way, and acknowledges in its answer every report up to a number; the agent keeps them till then.
//     A call that holds a lower revision than an earlier one, or comes from an agent that made fewer reports than were accepted
//     ([CheckIn.Made]), shows that the agent's state was lost or put back. Calls are numbered ([CheckIn.Call]): one that the agent made
//     before the newest one brings its reports and says nothing else.
//   - MAN-7: Last call: an agent checks in just before it starts an execution and again just before stage 2, waits 10 seconds, trying
//     again while calls fail (after 1, 2, 4 … 30 seconds), and goes on without an answer if none comes in that time. An order whose
//     start passed while the asset was off or asleep waits for an answer up to 5 minutes instead. So whatever was withdrawn, changed
//     or cancelled before the start, or cancelled before stage 2, while an agent can be reached, is honoured whatever the check-in
//     interval. An authenticated refusal ([ErrRefused]) is an answer, after which nothing starts until a call is answered without
//     one; an unauthenticated one is a failed call. It is a setting of the job, on by default; a job's start spread keeps the calls of
//     many assets apart.
//   - MAN-8: Starts are instants in UTC. An agent learns its clock's offset from the server's answers ([Answer.At]), reports it
//     ([CheckIn.Offset]), and applies the corrected time to starts, windows and the expiry of manifests; durations (countdown, deferral,
//     waits) never shrink or stretch when the clock is set. An offset over 5 minutes is shown to the administrator.
//   - MAN-9: One identity, one computer. Two boot identities that each come back after the other (A, B, A, B), in the order in which the
//     agents made the calls ([CheckIn.Call], not the order of arrival), mean two computers; A, B, A alone is recorded as a state put
//     back (a reverted snapshot). A cloned asset's manifest becomes empty and it is listed; what has started goes on, and its reports
//     count. Its orders wait; only marks on orders that never start stay in the manifest (a cancel must reach what was begun). It
//     ends when one boot identity alone has called for 24 h, or by a named act; the server says how to enrol the copy anew.
//   - MAN-10: Removal reaches the agent. A removed asset's key and revision are kept for 90 days; until it holds a last, signed, empty
//     manifest each of its calls gets it; afterwards its calls are refused, but for those that bring reports. A
//     new computer of the same name has another key ([CheckIn.Key]), revisions from one, and nothing of the old one's. What a
//     removed asset had has ended; what it reports of the end within the 90 days is taken into the history.
//   - MAN-11: Releases live side by side. Readers ignore fields they do not know, in check-ins, manifests, agent state and stored
//     records. Unknown enum values are kept as text and never break the rest, but an order whose deciding field is unknown is not
//     started (Failed, code 5, naming it). Every persisted or transmitted form has a format number. A check-in says the agent's
//     release, host name and what it can do, and the server orders nothing it cannot. From the first tag on, the forms that each
//     release wrote are kept as test data and must stay readable.
//   - MAN-12: Requests and answers are authenticated (time, acknowledgement, revision) by the [Secret] that the asset and its server
//     agreed on when it enrolled. An answer that is not the server's to this very call is no answer. No number from the wire passes
//     [MaxNumber], and no arithmetic on one can wrap: [CheckIn.Validate], [Answer.Validate] and [Document.Validate] hold it. An
//     acknowledgement above what was sent means that the agent's state was put back: its numbers go on above it, up to half of
//     MaxNumber; what is higher makes the answer a failed call. An answer whose time is more than [MaxSkew] from the corrected clock
//     needs a second answer that agrees: the agent calls again at once, once; until then its clock goes on as it was, and a manifest
//     beside such a time is neither taken nor refused.
//   - MAN-13: The manifest key can be replaced with no agent touched by hand: a signed trust document (version, keys, threshold,
//     expiry) names the keys that may sign, and each new version is signed by the threshold of the one before. Old versions are kept,
//     so an agent that missed three follows them one by one. Expiry is announced 90 days ahead ([TrustNotice]); expired, agents keep
//     the last keys, report it, and still follow a newer version.
package manifest
