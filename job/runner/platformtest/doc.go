// Package platformtest is the conformance suite of [runner.Platform]. Every
// implementation must pass it.
//
//	func TestPlatform(t *testing.T) {
//		platformtest.Run(t, func(t *testing.T) platformtest.Subject { … })
//	}
//
// Each assertion about the platform is a sentence of the documentation of
// [runner.Platform], and prints it when it fails.
package platformtest
