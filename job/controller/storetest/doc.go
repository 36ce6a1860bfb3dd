// Package storetest is the conformance suite of the controller.Store port. Each
// sub-test is named after the sentence of the port's documentation that it
// tests. Every implementation runs it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{Open: func(t *testing.T, name string) controller.Store { … }})
//	}
package storetest
