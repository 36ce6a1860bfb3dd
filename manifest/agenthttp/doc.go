// Package agenthttp carries what package manifest says between agents and a server over HTTP: a handler for servers, a client for agents.
//
// A server gives [NewHandler] its [Backend] and serves it with [NewServer], or mounts it in a server of its own. An agent calls
// [Enrol] once and keeps what it learns; from then on a [Client] checks in for it. The client is a job/runner.Server.
//
// # Routes
//
//	POST /v1/agent/enrol     manifest.Enrolment -> manifest.Enrolled
//	POST /v1/agent/check-in  manifest.CheckIn   -> manifest.Answer
//
// Bodies are JSON as encoding/json writes the types, plain or with Content-Encoding: gzip, both ways. A request is read up to
// [MaxRequest] bytes ([MaxEnrolment] for an enrolment), as sent and again decompressed. Fields that are not known are ignored, so
// that two releases can talk. The call of an agent that has nothing to say to a server that has nothing new costs a few
// hundred bytes.
//
// # Signatures
//
// Every request is signed by the agent's Ed25519 key: the key the asset enrolled with or, of an enrolment, the key it brings.
//
//	Patchpolicy-Asset:     the asset
//	Patchpolicy-Time:      the time of signing, RFC 3339 in UTC without trailing zeroes
//	Patchpolicy-Signature: base64 of the Ed25519 signature over the message
//
//	message = "patchpolicy-request-v1" LF method LF target LF asset LF time LF sha256 LF
//	target  = the route as above and, if there is a query, "?" and the query as sent
//	sha256  = of the body as sent, compressed or not, in lower-case hex
//
// The time must be within [ReplayWindow] of the server's clock. Agents' clocks may be wrong (MAN-8), so the refusal carries the
// server's time and the client signs again with it, once, and remembers the difference. Within that window whoever recorded a
// request can send it again: a check-in is made to be repeated (MAN-6), and the answer tells what the recorded one told.
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
// It is allowed: manifests are signed, so nobody on the way can forge one (MAN-5), and requests are signed, so nobody can call in
// another asset's name. What plain http does not give is secrecy (the enrolment token above all), certainty at enrolment about whose
// manifest key is pinned (compare the fingerprint), and the rest of the answers: somebody on the way can make up acknowledgements, so
// that reports are lost, and times, so that starts move and requests are signed for a time to come. Use https wherever the
// network is not trusted.
package agenthttp
