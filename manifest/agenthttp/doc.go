// Package agenthttp carries the messages of package manifest between agents and
// a server over HTTP.
//
// A server gives its [Backend], such as a controller of package job/controller,
// to [NewHandler], and serves the handler with [NewServer] or inside a server of
// its own. An agent calls [Enrol] once and keeps what it returns; after that
// a [Client] checks in. A Client is a job/runner.Server.
//
// # Routes
//
//	GET  /v1/agent/trust                         -> {"trust": [base64, …]}
//	POST /v1/agent/enrol     manifest.Enrolment  -> manifest.Enrolled
//	POST /v1/agent/check-in  manifest.CheckIn    -> manifest.Answer
//	POST /v1/agent/leave     {}                  -> {}
//
// The first answer lists every version of the trust document.
//
// Bodies are JSON as encoding/json writes the types, plain or with
// Content-Encoding: gzip, in both directions. A request has at most
// [MaxRequest] bytes ([MaxEnrolment] for an enrolment), counted once as sent
// and once decompressed. If neither side has anything new, a check-in costs a
// few hundred bytes.
//
// # Requests carry a proof
//
// Every request except the one for the trust document names its sender and
// proves it (MAN-12):
//
//	Patchpolicy-Asset:   the asset
//	Patchpolicy-Key:     the id of the agent's own key, manifest.Fingerprint
//	Patchpolicy-Time:    the time of sending, RFC 3339, UTC, no trailing zeroes
//	Patchpolicy-Content: SHA-256 of the body as sent (perhaps compressed), in
//	                     lower-case hex
//	Patchpolicy-Proof:   base64 of a proof of the message
//
//	message = "patchpolicy-request-v1" LF method LF target LF asset LF key LF
//	          time LF content LF
//	target  = the route and, if there is a query, "?" and the query as sent
//	proof   = for an enrolment, the signature of the key in it; otherwise
//	          HMAC-SHA256 under the asset's manifest.Secret
//
// The handler checks the proof of a call before it reads a byte of the body. An
// asset that is not enrolled gets the same answer as one whose proof is wrong.
// One bound covers all bodies in progress: see [Options.MaxBodies].
//
// The time must be within [ReplayWindow] of the server's clock. Agents' clocks
// may be wrong (MAN-8), so the refusal carries the server's time. The client
// sends the request once more with that time and remembers the difference.
// Within the window, anyone who recorded a request can send it again. That does
// no harm: a check-in may be repeated (MAN-6), and only the asset can check
// the proof of the answer.
//
// # Answers carry a proof
//
// An answer to a proven request carries Patchpolicy-Proof too. So does a
// refusal, unless it is about the body or its compression, because those may
// have been changed on the way:
//
//	proof = HMAC-SHA256 under the asset's manifest.Secret of
//	        "patchpolicy-answer-v1" LF the request's proof LF status LF
//	        SHA-256 of the body before compression LF
//
// The client accepts no success without this proof, and reports of a refusal
// whether it is [Problem.Authentic]. So an attacker in between can hold an
// answer back, but can neither make one up nor pass off the answer to another
// call.
//
// # Problems
//
// Every refusal is an RFC 9457 problem (application/problem+json) with the
// members type, title, status, error (one sentence), hint (what to do) and, for
// clock, now. The type is "urn:patchpolicy:problem:" and a [Kind]:
//
//	400 invalid        403 bad-token       413 too-large
//	401 not-signed     404 not-found       415 wrong-type
//	401 unknown-asset  405 wrong-method    500 internal
//	401 clock          409 asset-exists    503 unavailable
//
// # Plain http
//
// Over plain http anyone in between can read everything, including the
// enrolment token, but can change nothing. It is allowed on the loopback.
// Elsewhere it needs [Config.PlainHTTP], and an enrolment then needs the
// fingerprint of the server's trust document. A fingerprint that is given is
// always checked before the token is sent.
package agenthttp
