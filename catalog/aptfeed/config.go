package aptfeed

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
)

// Config says which apt configuration is read, and for whom.
type Config struct {
	Root             string            // the system whose configuration it is; default "/"
	Dir              string            // the apt configuration folder; default etc/apt of Root
	Lists            string            // for FromLists: the folder of downloaded lists; default var/lib/apt/lists of Root
	Architectures    []string          // wanted; default those of Root's dpkg, the native one first
	CacheDir         string            // keeps what was fetched across restarts; empty: nothing is kept
	Client           *http.Client      // default: one with a proxy from the environment and a time limit
	Now              func() time.Time  // the clock; default time.Now
	IgnoreValidUntil bool              // take expired Release files too: for tests and for clocks that are known to be wrong
	MaxAge           time.Duration     // of a Release file before its feed is stale (CAT-2), unless valid-until-max says so; zero: any
	Only             func(string) bool // whether a package of this name is wanted: for a scan, those that are installed; nil: all
	Report           func(Problem)     // told of every problem of the configuration; nil: nobody
}

// withDefaults fills in what is not set, reading what it needs to below Root.
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

// validate tells everything that is wrong with a configuration that has its defaults.
func (c Config) validate() error {
	var problems []error
	if len(c.Architectures) == 0 {
		problems = append(problems, errors.New("no architecture is wanted"))
	}
	for _, a := range c.Architectures {
		if !debian.ValidArchitecture(a) || a == "all" {
			problems = append(problems, fmt.Errorf("%.40q is no architecture", a))
		}
	}
	return errors.Join(problems...)
}
