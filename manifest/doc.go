// Package manifest holds the signed document that tells an asset every order it should hold, and what both sides do with it.
//
// When what an asset should hold changed, or [RenewalDue] says so, the server takes the orders that fit into one document, see
// [Hold], numbers it and calls [Seal]. The agent calls [Open] with the key it pinned when it enrolled, the revision it holds and its corrected
// clock, and applies what it gets with [Queue.Apply]; a [Refused] manifest changes nothing and is reported.
// [Timing] computes how long a change takes to reach an agent. [CheckIn], [Answer], [Enrolment] and [Enrolled] are what the two
// sides say to each other, whatever carries it; package agenthttp carries it over HTTP.
//
// The package is pure: it reads no clock, draws no randomness and opens nothing.
//
// # Format
//
// A sealed manifest is a DSSE v1 envelope in JSON with exactly one signature, at most [MaxSealed] bytes long. There is one way to write it
// and one way only: without spaces, the fields in this order, strings and numbers as encoding/json writes them, base64 of the
// standard alphabet with padding. A reader writes again what it has read and refuses what does not come out the same to the byte,
// so unknown and repeated fields, other spellings and trailing data need no rules of their own.
//
//	sealed    = {"payloadType":type,"payload":base64(payload),"signatures":[{"keyid":keyid,"sig":base64(sig)}]}
//	type      = "application/vnd.patchpolicy.manifest.v1+json"
//	keyid     = "sha256:" and the SHA-256 of the 32 bytes of the Ed25519 public key, in lower-case hex;
//	            of another kind of key what its Verifier calls it
//	sig       = the Ed25519 signature over message, or the other key's
//	message   = "DSSEv1 " length(type) " " type " " length(payload) " " payload
//	            lengths in bytes, decimal
//	payload   = the document
//
// The document and its parts are JSON objects with these fields in this order. A field in brackets is left out when it is zero,
// false or empty; the others are always there, and an empty list of orders is [].
//
//	document  = format asset revision issued expires orders
//	order     = id job name run revision start [end] [patches] [pre] [post] [installLimit] reboot [noLastCall] [early] [cancelled] [begun] [policy] [rebootPending]
//	patch     = patch product name [vendor] version [latestOnly] [reboot] [transaction] [requires] files
//	requires  = patch product version [reboot]
//	file      = name url [signatureUrl] [size] expect
//	expect    = [signer] [digests] [strict] [allowLegacy]
//	action    = name command [timeout]
//	reboot    = [suppress] [deferrals] [interval] [prompt] [countdown]
//	policy    = digest [clauses]
//	clause    = name vendor product [signers] [formats] [allowUnsigned] [strict] [allowLegacy]
//
// Format is 1. Instants are in UTC and whole seconds, as 2026-01-31T12:00:00Z; durations are nanoseconds; a version is its
// scheme, a colon and its text; a digest is its algorithm, a colon and lower-case hex. Orders stand by start and then id (as bytes),
// none twice, [MaxOrders] at most, each valid by job.Order.Validate and with an id that names the document's asset. Expires is
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
// # What the signature does and does not do
//
// Whoever carries a manifest can neither forge nor change one, nor give an agent one of another asset, an older one than it holds,
// or an expired one. They can hold manifests back; an agent then goes on with the queue it has, and the server sees that it does not
// call. An agent that lost its state takes any manifest of its asset that has not expired, which is why they expire.
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
//   - MAN-5: A manifest is signed, names its asset, carries a revision that only grows, and an expiry. An agent refuses a bad signature,
//     another asset's manifest, a lower revision, an expired one (at the instant of expiry it is), one over the size limit, and one
//     that is signed and not in canonical form. It keeps the queue it has and reports the refusal. A check-in names the revision
//     and the [Digest] of the manifest held; a server that finds a higher revision, or the same with another digest, goes on above it.
//   - MAN-6: Reports carry a sequence number for each asset, from 1 without gaps. The server accepts each exactly once, whatever is
//     lost, repeated or reordered on the way, and acknowledges in its answer every report up to a number; the agent keeps them till then.
//     A call that holds a lower revision than an earlier one, or comes from an agent that made fewer reports than were accepted
//     ([CheckIn.Made]), shows that the agent's state was lost or put back. Calls are numbered ([CheckIn.Call]): one that the agent made
//     before the newest one brings its reports and says nothing else.
//   - MAN-7: Last call: an agent checks in just before it starts an execution and again just before stage 2, waits 10 seconds at most,
//     and goes on without an answer if none comes. So whatever was changed or cancelled while an agent can be reached is honoured
//     up to those two instants, whatever the check-in interval. It is a setting of the job, on by default; a job's start spread keeps
//     the calls of many assets apart.
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
package manifest
