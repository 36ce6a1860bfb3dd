// Package platformtest is the conformance suite of runner.Platform. Every implementation must pass it.
//
//	func TestPlatform(t *testing.T) {
//		platformtest.Run(t, func(t *testing.T) platformtest.Subject { … })
//	}
package platformtest
