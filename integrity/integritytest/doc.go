// Package integritytest holds the conformance suite for [integrity.SignatureVerifier]. Every adapter runs it, in this
// module and elsewhere:
//
//	func TestConformance(t *testing.T) {
//		integritytest.Run(t, integritytest.Fixture{Verifier: v, Signer: "Vendor", Signed: …, Unsigned: …, Stranger: …, Bad: …})
//	}
package integritytest
