package version

// Bounds in bytes.
const (
	MaxLength = 256           // of a version's text: real ones stay below 80
	MaxKey    = 2 * MaxLength // of a key of an [Own] scheme
	MaxScheme = 32            // of the name of a scheme
)

const (
	maxComponents = 8         // numbers of a dotted version: Windows uses four
	maxEpoch      = 1<<31 - 1 // of Debian: dpkg stores a signed 32-bit integer
	maxRpmEpoch   = 1<<32 - 1 // a package stores an unsigned 32-bit integer
)
