// Package catalogtest is the conformance suite for [catalog.Feed]. Every
// adapter runs it, in this module and elsewhere:
//
//	func TestConformance(t *testing.T) {
//		catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed { return newFeed(t) })
//	}
package catalogtest
