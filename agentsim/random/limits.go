package random

// Bounds of a world, beside those of package agentsim.
const (
	// MaxWeeks is how long a world lasts at most, without the days at its end in which it comes to rest.
	MaxWeeks = 40
	// DefaultAssets and DefaultWeeks make a world that plays in about a second.
	DefaultAssets = 20
	DefaultWeeks  = 2
	// DefaultTries is how many shorter scenarios Shrink plays: a few minutes when the first ones are long.
	DefaultTries = 3000
)
