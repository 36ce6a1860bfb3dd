package rpmfeed

import "time"

// Bounds on what is read. More is refused, never cut off silently.
const (
	maxRepomd = 4 << 20          // bytes of repomd.xml and its signature: real ones have 10 kB
	maxFile   = 256 << 20        // bytes of one metadata file as fetched: the largest primary lists have 20 MB
	maxPlain  = 2 << 30          // bytes of one unpacked metadata file: a primary list of 60,000 packages has 300 MB
	maxRecord = 8 << 20          // bytes of one package or advisory, about: a large one has 1 MB
	maxLine   = 1 << 20          // bytes of one line of modules.yaml
	maxName   = 128              // bytes of a package's name
	maxAhead  = 10 * time.Minute // how far in the future repomd.xml may be dated: clocks differ
)

// A revision counts as a time from earliest to latest: createrepo writes the
// time, but some repositories count or write a release.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)
