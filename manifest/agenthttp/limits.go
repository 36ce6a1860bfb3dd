package agenthttp

import (
	"time"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Bounds, on both sides of the wire.
const (
	// MaxRequest is the most bytes of one check-in, both as sent and decompressed: an inventory of manifest.MaxInstalled
	// products at 80 bytes each. A client with more reports than fit sends the oldest first.
	MaxRequest = 8 << 20
	// MaxElements is how many elements all lists of one check-in have together. A list of three-byte elements would take a
	// hundred times its size in memory; what agents really send has over 40 bytes an element, so MaxRequest comes first.
	MaxElements = 200_000
	// MaxEnrolment is the same for an enrolment, whose sender nobody knows yet.
	MaxEnrolment = 64 << 10
	// MaxAnswer is the most bytes of an answer a client reads, decompressed: a manifest in base64 and a little around it.
	MaxAnswer = (manifest.MaxSealed+manifest.MaxTrustSent*manifest.MaxTrust)/3*4 + 64<<10
	// MaxHeader is the most bytes of a request's or an answer's headers.
	MaxHeader = 16 << 10
	// ReplayWindow is how far the time of a signed request may be from the server's clock, either way.
	ReplayWindow = 5 * time.Minute
	// enrolTime is how long an enrolment may take to arrive.
	enrolTime = 10 * time.Second
	// gzipFrom is the size in bytes from which compressing pays.
	gzipFrom = 1 << 10
)
