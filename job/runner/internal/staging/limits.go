package staging

import "time"

const (
	// MaxFile is the largest file that is fetched if the order gives no size,
	// in bytes: several times the largest known installers.
	MaxFile = 64 << 30
	// MaxSignature is the largest detached signature in bytes; real ones have a
	// few kilobytes.
	MaxSignature = 1 << 20
	// MaxRedirects is how many redirects are followed.
	MaxRedirects = 10
	// maxPause bounds the pause that a server's Retry-After asks for.
	maxPause = 30 * time.Second
	// pausesPerStall is how many times the pause before the second try, a second
	// with the agent's settings, fits into Config.Stall. Each further pause is
	// twice as long.
	pausesPerStall = 60
	// whole is more bytes than any file has.
	whole = 1 << 62
	// buffer is how many bytes are read at a time.
	buffer = 256 << 10
	// maxMeta bounds a meta file: a signature in base64 and some fields.
	maxMeta = 2*MaxSignature + 64<<10
)

// sizeLimit is how many bytes of a file are read, given the size in the order.
// It is larger than that size: a longer file is read to its end, so that the
// integrity check says what is wrong with it (INT-1, INT-2, CAT-7), not a
// download error.
func sizeLimit(ordered int64) int64 {
	if ordered <= 0 || ordered > MaxFile {
		return MaxFile
	}
	return min(4*ordered+16<<20, MaxFile)
}
