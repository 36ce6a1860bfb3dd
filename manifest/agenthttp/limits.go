package agenthttp

import (
	"time"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Bounds, on both sides of the wire.
const (
	// MaxRequest is the most bytes of one check-in, both as sent and
	// decompressed: an inventory of manifest.MaxInstalled products at 80 bytes
	// each. A client with more reports than fit sends the oldest first.
	MaxRequest = 8 << 20
	// MaxElements is the most elements of all lists of one check-in together. A
	// list of three-byte elements would take a hundred times its size in memory.
	// Real agents send over 40 bytes per element, so they reach MaxRequest
	// first.
	MaxElements = 200_000
	// MaxEnrolment is the most bytes of an enrolment, whose sender is not known
	// yet, both as sent and decompressed.
	MaxEnrolment = 64 << 10
	// MaxAnswer is the most bytes of an answer that a client reads,
	// decompressed: a manifest and trust documents in base64, and a little more.
	MaxAnswer = (manifest.MaxSealed+manifest.MaxTrustSent*manifest.MaxTrust)/3*4 + 64<<10
	// MaxHeader is the most bytes of the headers of a request or an answer.
	MaxHeader = 16 << 10
	// ReplayWindow is how far the time of a request may be from the server's
	// clock, either way.
	ReplayWindow = 5 * time.Minute
	// enrolTime is how long an enrolment may take to arrive.
	enrolTime = 10 * time.Second
	// gzipFrom is the size in bytes from which compression pays.
	gzipFrom = 1 << 10
)
