// Package agentsim plays scenarios of patch management in a virtual world: a
// clock, a network, vendors, users and assets around the production controller
// (package job/controller) and the production agent (package job/agent). The
// simulator runs the decision code of the real programs, so a decision in a
// simulation is the decision in production. Time is virtual: a month takes a
// second.
//
// After a crash, an agent has what it had committed, and the server has what
// its store had. An observer (package watch) follows each asset from outside:
// the manifests that reach it, the reports that it commits and what really
// happens to it. It checks the invariants of package job/agent. A broken
// invariant ends the run with a *[Broken]. The same script gives the same
// history, byte for byte.
//
// There are two ways to use the package. A scenario is a text file that
// [ParseScript] reads and examples/simulate plays. [Test] plays lines of such a
// text in a Go test of your own product, with job definitions, reboot policies
// and catalogs made in Go; [Config] replaces the signature verifier, what
// installing does, and the admission of patches.
//
// # Scenarios
//
// A scenario is a text that an administrator can read and write:
//
//	# A job disabled while it waits in an agent's queue leaves it with the next check-in. (JOB-5)
//	clock 2026-03-02T00:00:00Z, check-in every 15m
//	patch chrome-121: chrome 121.0.6167.85, pinned, signed by Google
//	asset web-1 has chrome 120.0.6099.71
//	job nightly: patches chrome-121, assets web-1, once at +6h
//	+1m      enable nightly
//	+3h16m   expect web-1 nightly Received
//	+5h40m   disable nightly
//	+6h10m   expect web-1 nightly Withdrawn
//
// [Language] describes every line; "simulate language" prints it. If a line is
// not understood, the error lists similar lines that are.
//
// If an expectation does not hold, the error explains why, for the assets,
// jobs, patches and products in its line: verdicts, refusals, and how far the
// orders came. If no execution starts in a scenario, its history ends with the
// verdicts that explain why. The history shows the local time of an asset that
// has a time zone.
package agentsim
