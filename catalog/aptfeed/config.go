package aptfeed

import (
	"cmp"
	"net/http"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
)

// Config says which apt configuration to read, and how.
type Config struct {
	Root             string            // root of the system; default "/"
	Dir              string            // the directory of the apt configuration; default etc/apt in Root
	Lists            string            // for FromLists: the directory of downloaded lists; default var/lib/apt/lists in Root
	Architectures    []string          // wanted ones; default those of Root's dpkg, the native one first
	CacheDir         string            // keeps what was fetched across restarts; empty: keep nothing
	Client           *http.Client      // default: a client with a proxy from the environment and a time limit
	Now              func() time.Time  // the clock; default time.Now
	IgnoreValidUntil bool              // accept expired Release files: for tests and for clocks that are known to be wrong
	MaxAge           time.Duration     // age of a Release file at which its feed is stale, unless valid-until-max is set; zero: no limit (CAT-2)
	Only             func(string) bool // reports whether a package of this name is wanted; a scan wants the installed ones; nil: all
	Report           func(Problem)     // called with every problem of the configuration; nil: ignore them
}

func (c Config) withDefaults() Config {
	c.Root = cmp.Or(c.Root, "/")
	c.Dir = cmp.Or(c.Dir, filepath.Join(c.Root, "etc/apt"))
	c.Lists = cmp.Or(c.Lists, filepath.Join(c.Root, "var/lib/apt/lists"))
	if len(c.Architectures) == 0 {
		c.Architectures = debian.Architectures(c.Root)
	}
	c.Client = cmp.Or(c.Client, &http.Client{Timeout: requestTimeout})
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Report == nil {
		c.Report = func(Problem) {}
	}
	return c
}
