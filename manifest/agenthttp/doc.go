// Package agenthttp carries what package manifest says between agents and a server over HTTP: a handler for servers, a client for agents.
//
// A server gives [NewHandler] its [Backend] and serves it with [NewServer], or mounts it in a server of its own. An agent calls
// [Enrol] once and keeps what it learns; from then on a [Client] checks in for it. The client is a job/runner.Server.
//
// # Routes
//
//	GET  /v1/agent/trust                         -> {"trust": [every version of the trust document, base64]}
//	POST /v1/agent/enrol     manifest.Enrolment  -> manifest.Enrolled
//	POST /v1/agent/check-in  manifest.CheckIn    -> manifest.Answer
//	POST /v1/agent/leave     {}                  -> {}
//
// Bodies are JSON as encoding/json writes the types, plain or with Content-Encoding: gzip, both ways. A request is read up to
// [MaxRequest] bytes ([MaxEnrolment] for an enrolment), as sent and again decompressed. The call of an agent that has nothing to
// say to a server that has nothing new costs a few hundred bytes.
//
// # Requests are proven
//
// Every request but the first says who calls, and proves it (MAN-12):
//
//	Patchpolicy-Asset:   the asset
//	Patchpolicy-Key:     the name of the agent's own key, manifest.Fingerprint
//	Patchpolicy-Time:    the time of sending, RFC 3339 in UTC without trailing zeroes
//	Patchpolicy-Content: SHA-256 of the body as sent, compressed or not, in lower-case hex
//	Patchpolicy-Proof:   base64 of a proof of the message
//
//	message = "patchpolicy-request-v1" LF method LF target LF asset LF key LF time LF content LF
//	target  = the route as above and, if there is a query, "?" and the query as sent
//	proof   = of an enrolment, the signature of the key it brings; else HMAC-SHA256 under the asset's manifest.Secret
//
// The handler checks the proof before it reads a byte of the body, and gives who is not enrolled the same answer as who cannot
// prove to be. All bodies under way are bounded together, see [Options.MaxBodies].
//
// The time must be within [ReplayWindow] of the server's clock. Agents' clocks may be wrong (MAN-8), so the refusal carries the
// server's time and the client sends again with it, once, and remembers the difference. Within that window whoever recorded a
// request can send it again: a check-in is made to be repeated (MAN-6), and only the asset can read the proof of the answer.
//
// # Answers are proven
//
// An answer to a proven request carries Patchpolicy-Proof as well. So does a refusal, unless something is wrong with the body or
// how it is packed, which may be the work of whoever is on the way:
//
//	proof = HMAC-SHA256 under the asset's manifest.Secret of
//	        "patchpolicy-answer-v1" LF the request's proof LF status LF SHA-256 of the body before compression LF
//
// The client takes no success without it, and says of a refusal whether it is [Problem.Authentic]: whoever is on the way can hold an
// answer back, but neither make one up nor pass off another call's.
//
// # Problems
//
// Every refusal is an RFC 9457 problem (application/problem+json) with the members type, title, status, error (one sentence), hint
// (what to do) and, with clock, now. The type is "urn:patchpolicy:problem:" and a [Kind]:
//
//	400 invalid        403 bad-token       413 too-large
//	401 not-signed     404 not-found       415 wrong-type
//	401 unknown-asset  405 wrong-method    500 internal
//	401 clock          409 asset-exists    503 unavailable
//
// # Plain http
//
// Over plain http everything can be read, the enrolment token too, and nothing altered. It is allowed on the loopback; elsewhere
// only with [Config.PlainHTTP], and then an enrolment needs the fingerprint of the server's trust document. The fingerprint is
// checked, always, before the token is sent.
package agenthttp
