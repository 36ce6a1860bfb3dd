package manifest

import "time"

// Bounds. A value above one is refused; nothing is ever cut down silently.
const (
	// MaxSealed is the most bytes of a sealed manifest. It is enough for one
	// order of job.MaxPatches ordinary patches, or for more than 100 orders of
	// 20. An agent may use this much memory before it knows who wrote the bytes.
	MaxSealed = 4 << 20
	// MaxOrders is the most orders of one manifest. With MaxSealed it bounds the
	// work of applying one.
	MaxOrders = 256
	// MaxLifetime is the longest time between Issued and Expires. It bounds how
	// long an old manifest can be replayed to an agent that lost its state.
	MaxLifetime = 90 * 24 * time.Hour
	// MaxSkew is how far an agent's corrected clock may normally be from its
	// server's (MAN-8, MAN-12). As an agent sees it, an expiry may exceed
	// MaxLifetime by that much; otherwise it would refuse a manifest that an
	// honest server just made.
	MaxSkew = 5 * time.Minute
	// MaxNumber is the highest number on the wire: JSON readers in other
	// languages hold integers exactly up to it. An agent or a server continues
	// above the other's number only up to half of it, so that a wrong number
	// never uses up the range (MAN-12).
	MaxNumber = 1 << 53
	// MaxReports is the most reports of one check-in. An agent with more sends
	// the oldest and calls again (MAN-6).
	MaxReports = 200
	// MaxInstalled is the most products of an inventory in a check-in. It is
	// lower than catalog.MaxInstalled (131,072).
	MaxInstalled = 100_000
	// MaxTags is the most tags of an asset.
	MaxTags = 100
	// MaxToken is the most bytes of an enrolment token.
	MaxToken = 512
	// MaxWord is the most bytes of a short text that an agent sends about
	// itself: digest, boot identity, host name, release.
	MaxWord = 255
)
