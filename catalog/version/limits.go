package version

// MaxLength is the longest version text in bytes. Real ones stay below 80.
const MaxLength = 256

// MaxKey is the longest key of an importer's scheme in bytes.
const MaxKey = 2 * MaxLength

// MaxScheme is the longest name of a scheme in bytes.
const MaxScheme = 32

// MaxComponents is the most numbers a dotted version has. Windows uses four; eight leaves room.
const MaxComponents = 8

// maxEpoch is the largest Debian epoch: dpkg keeps it in a signed 32-bit integer.
const maxEpoch = 1<<31 - 1

// maxRpmEpoch is the largest rpm epoch: a package has it as an unsigned 32-bit integer.
const maxRpmEpoch = 1<<32 - 1
