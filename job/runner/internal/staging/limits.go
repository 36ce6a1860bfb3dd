package staging

import "time"

const (
	// MaxFile is the largest file fetched when the order does not tell a size, in bytes. It is some times the largest installers seen.
	MaxFile = 64 << 30
	// MaxSignature is the largest detached signature in bytes; real ones have a few kilobytes.
	MaxSignature = 1 << 20
	// MaxRedirects is how many redirects are followed.
	MaxRedirects = 10
	// maxPause bounds what a server's Retry-After is believed.
	maxPause = 30 * time.Second
	// firstPause is before the second try; it doubles.
	firstPause = time.Second
	// whole is more than any file has.
	whole = 1 << 62
	// buffer is read at a time.
	buffer = 256 << 10
	// maxMeta bounds a meta file: a signature in base64 and some fields.
	maxMeta = 2*MaxSignature + 64<<10
)

// sizeLimit is how many bytes are read of a file the order tells the size of. It leaves room above the told size on purpose: a longer
// file is read to its end, so that integrity says what is wrong with it (INT-1, INT-2, CAT-7) instead of a download error hiding it.
func sizeLimit(told int64) int64 {
	if told <= 0 || told > MaxFile {
		return MaxFile
	}
	return min(4*told+16<<20, MaxFile)
}
