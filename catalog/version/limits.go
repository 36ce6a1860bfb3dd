package version

// MaxLength is the longest version text in bytes. Real ones stay below 80.
const MaxLength = 256

// MaxKey is the longest key of an [Own] scheme in bytes.
const MaxKey = 2 * MaxLength

// MaxScheme is the longest name of a scheme in bytes.
const MaxScheme = 32

// maxComponents is the largest number of numbers in a dotted version. Windows
// uses four.
const maxComponents = 8

// maxEpoch is the largest Debian epoch: dpkg stores a signed 32-bit integer.
const maxEpoch = 1<<31 - 1

// maxRpmEpoch is the largest rpm epoch: a package stores an unsigned 32-bit
// integer.
const maxRpmEpoch = 1<<32 - 1
