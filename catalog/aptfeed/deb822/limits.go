package deb822

// Bounds of one paragraph. One that exceeds them is an *Error, and is skipped without being held.
const (
	// MaxParagraph is in bytes. The largest in use, the Release files, are about 300 kB.
	MaxParagraph = 4 << 20
	// MaxFields is a number of fields. The richest in use have about 40.
	MaxFields = 512
)
