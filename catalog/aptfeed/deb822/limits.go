package deb822

// Bounds of one paragraph. A larger one is an *[Error] and is skipped without
// being held.
const (
	MaxParagraph = 4 << 20 // bytes: the largest in use, Release files, have about 300 kB
	MaxFields    = 512     // fields: the largest number in use is about 40
)
