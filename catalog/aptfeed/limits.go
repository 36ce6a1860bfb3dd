package aptfeed

import (
	"time"

	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// Bounds on what is read. More than that is refused, never cut short silently.
const (
	// MaxSourcesFile is the bytes of one file of the apt configuration: real ones have a few kB.
	MaxSourcesFile = 1 << 20
	// MaxSources is the number of (URI, suite) pairs of one configuration; catalog.MaxFeeds is as large.
	MaxSources = 256
	// MaxKeyring is the bytes of one keyring: Debian's whole one, with all retired keys, has about 60 kB.
	MaxKeyring = openpgp.MaxKeyring
	// MaxInRelease is the bytes of InRelease, Release and Release.gpg: the largest in use have 300 kB.
	MaxInRelease = openpgp.MaxClearsigned
	// MaxIndex is the bytes of one package list as it travels: Ubuntu's universe has 15 MB as xz, 75 MB plain.
	MaxIndex = 256 << 20
	// maxIndexPlain is the bytes of one package list unpacked. A Release file may promise less and is then the bound.
	maxIndexPlain = 1 << 30
	// MaxRedirects is how many redirects one request follows.
	MaxRedirects = 10
	// MaxRejections is how many refused records one index reports one by one; the rest is counted.
	MaxRejections = 100
)

// MaxAhead is how far in the future a Release file's Date may lie: what clocks differ by.
const MaxAhead = 10 * time.Minute

// requestTimeout bounds one request, its body included, when the caller gives no client: 30 MB over a slow line.
const requestTimeout = 10 * time.Minute
