// Package storetest is the conformance suite of the controller.Store port. Every implementation runs it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{Open: func(t *testing.T, name string) controller.Store { … }})
//	}
package storetest
