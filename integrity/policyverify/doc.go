// Package policyverify makes the verifier of a signer policy: it hands the trust that the policy declares to the verifiers
// of the formats, and joins them. Only programs import it, since it links all of them.
//
// The verifier knows every format, whether or not the policy trusts anybody in it: a signature in a format for which
// nobody is trusted is bad or unsupported, and never absent (INT-9). Nor is one of a kind that nothing here judges, by the
// table of package unjudged; it is unsupported, unless the file has another one that is valid or bad. It names signers as the policy does. Which of them may
// sign what is not its matter: the clauses decide that, in [integrity.Terms].
package policyverify
