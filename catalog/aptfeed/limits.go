package aptfeed

import (
	"time"

	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// Bounds on what is read. More is refused, never cut off silently.
const (
	maxSourcesFile = 1 << 20                // bytes of one file of the apt configuration: real ones have a few kB
	maxSources     = 256                    // suites of one configuration: catalog.MaxFeeds is as large
	maxKeyring     = openpgp.MaxKeyring     // bytes of one keyring: Debian's, with all retired keys, has about 60 kB
	maxInRelease   = openpgp.MaxClearsigned // bytes of InRelease, Release and Release.gpg: the largest in use have 300 kB
	maxIndex       = 256 << 20              // bytes of one package list as fetched: Ubuntu's universe has 15 MB as xz, 75 MB plain
	maxIndexPlain  = 1 << 30                // bytes of one unpacked package list, if the Release file promises no size, and of one that apt keeps
	maxAhead       = 10 * time.Minute       // how far in the future a Release file's Date may be: clocks differ
)
