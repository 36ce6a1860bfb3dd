package random

// Bounds of a world, in addition to those of package agentsim.
const (
	// MaxWeeks bounds the weeks of trouble. A few quiet days follow.
	MaxWeeks = 40
	// DefaultAssets and DefaultWeeks make a world that takes about a second.
	DefaultAssets = 20
	DefaultWeeks  = 2
	// DefaultTries bounds the scenarios that Shrink plays: up to a few minutes.
	DefaultTries = 3000
)
