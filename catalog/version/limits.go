package version

// MaxLength is the longest version text in bytes. Real ones stay below 80; the bound keeps a comparison short and is
// also the most that Masterminds/semver reads.
const MaxLength = 256

// MaxComponents is the most numbers a dotted version has. Windows uses four; eight leaves room.
const MaxComponents = 8

// maxEpoch is the largest Debian epoch: dpkg keeps it in a signed 32-bit integer.
const maxEpoch = 1<<31 - 1
