package manifest

import "time"

// Bounds. What is past them is refused, and never cut down in silence.
const (
	// MaxSealed is the most bytes a sealed manifest has. It holds one order of job.MaxPatches ordinary patches, and more than
	// 100 orders of 20; an agent may spend this much memory before it knows who wrote the bytes.
	MaxSealed = 4 << 20
	// MaxOrders is how many orders one manifest names: with MaxSealed it bounds the work of applying one.
	MaxOrders = 256
	// MaxLifetime is the longest time between Issued and Expires: how long an old manifest could be played to an agent that
	// has forgotten which revision it held.
	MaxLifetime = 90 * 24 * time.Hour
	// MaxSkew is how far an agent's corrected clock may be from its server's before anybody wonders (MAN-8, MAN-12). An expiry may
	// exceed MaxLifetime by that much, as an agent sees it: otherwise it would refuse what an honest server just made.
	MaxSkew = 5 * time.Minute
	// MaxNumber is the highest number on the wire: what JSON readers in other languages count exactly (MAN-12). Whoever counts
	// on above another's number takes one up to half of it only, so that a wrong one never uses the numbers up.
	MaxNumber = 1 << 53
	// MaxReports is how many reports one check-in carries. An agent with more sends the oldest and calls again (MAN-6).
	MaxReports = 200
	// MaxInstalled is how many products one inventory names.
	MaxInstalled = 100_000
	// MaxTags is how many tags an enrolment names.
	MaxTags = 100
	// MaxToken is the longest enrolment token, in bytes.
	MaxToken = 512
	// MaxWord is the longest of the short texts an agent says of itself, in bytes: digest, boot identity, host name, version.
	MaxWord = 255
)
