package aptfeed

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
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
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Report == nil {
		c.Report = func(Problem) {}
	}
	return c
}

// FromConfig returns a feed for every suite that the apt configuration names.
// They fetch from the repositories. Fetch the feeds together, in the order
// returned, so that the first of several suites with the same build provides
// it.
//
// An entry that is refused becomes a feed too, whose every fetch fails with the
// reason. So it shows wherever the health of feeds is shown. The error means
// that c or the configuration directory cannot be used.
func FromConfig(c Config) ([]*Feed, error) {
	return feeds(c, func(c Config, f *Feed) origin {
		if why := f.source.listsOnly; why != "" {
			p := Problem{f.source.file, f.source.line, why, true}
			c.Report(p)
			f.refused = fault.New(fault.Refused, p.where(), nil, "%s", p.Text)
		}
		return &remote{f.source, fetch.NewClient(c.Client, fetch.System(c.Root), ""), f.cache}
	})
}

// FromLists is FromConfig over the lists that apt has downloaded. It only reads
// and needs no network. It verifies signatures and digests all the same,
// whatever transport apt used: a mirror list, a CD, a custom one, or one with a
// password. An artifact that this package could not fetch itself has no URL,
// and the package manager fetches it (Repository, CAT-5). The error about a
// missing list says to run apt-get update.
//
// A batch's time is when the lists were read, because apt does not keep when it
// last asked the repository. So such a feed is stale (CAT-2) only by the Date
// of the Release file, if a maximum age is set. Valid-Until is checked.
func FromLists(c Config) ([]*Feed, error) {
	c.CacheDir = "" // apt's directory is one
	return feeds(c, func(c Config, f *Feed) origin { return &lists{f.source, c.Lists, fetch.System(c.Root)} })
}

func feeds(c Config, from func(Config, *Feed) origin) ([]*Feed, error) {
	c = c.withDefaults()
	var wrong []error
	for _, a := range c.Architectures {
		if !debian.ValidArchitecture(a) || a == "all" {
			wrong = append(wrong, fmt.Errorf("%.40q is not an architecture", a))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fault.New(fault.Refused, c.Dir, err, "the configuration cannot be used")
	}
	sources, problems, err := readSources(fetch.System(c.Root), c.Dir, c.Architectures)
	if err != nil {
		return nil, err
	}
	g := &group{listings: make([]listing, len(sources))}
	var all []*Feed
	for i, s := range sources {
		f := &Feed{id: feedID(s.uri + " " + s.suite), source: s, config: c, group: g, index: i}
		if c.CacheDir != "" { // each feed has a directory of its own
			f.cache.dir = filepath.Join(c.CacheDir, repository.Sum([]byte(f.id)).Digest.Sum[:32])
		}
		f.from = from(c, f)
		f.held.published = f.cache.meta().Published
		all = append(all, f)
	}
	g.feeds = all
	return append(all, refusals(c, problems)...), nil
}

// refusals returns one feed for everything that is refused at one place.
func refusals(c Config, problems []Problem) []*Feed {
	var all []*Feed
	byID := map[catalog.FeedID]*fault.Error{}
	for _, p := range problems {
		c.Report(p)
		if !p.Refused {
			continue
		}
		id := feedID(p.where())
		if known := byID[id]; known != nil {
			known.Text += "; " + p.Text
			continue
		}
		byID[id] = fault.New(fault.Refused, p.where(), nil, "%s", p.Text)
		all = append(all, &Feed{id: id, config: c, refused: byID[id]})
	}
	return all
}

// feedID returns an id that the catalog accepts.
func feedID(text string) catalog.FeedID {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, "apt:"+text)
	if len(text) > catalog.MaxID {
		text = strings.ToValidUTF8(text[:catalog.MaxID-33], "?") + "~" + repository.Sum([]byte(text)).Digest.Sum[:32]
	}
	return catalog.FeedID(text)
}
