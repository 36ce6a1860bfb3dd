package aptfeed

import (
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// FromConfig makes a feed of every suite that the apt configuration names, which fetches from the repository itself. The
// feeds belong together: fetch them in the order returned, so that a build that is in several suites is given by the
// first.
//
// An entry that is refused becomes a feed too, one whose every fetch fails with the reason: so it shows wherever the
// health of feeds is shown. An error means that c itself, or the folder, cannot be used.
func FromConfig(c Config) ([]*Feed, error) {
	return feeds(c, func(c Config, f *Feed) origin {
		if why := f.source.listsOnly; why != "" {
			p := Problem{f.source.file, f.source.line, why, true}
			c.Report(p)
			f.refused = fail(Refused, p.where(), nil, "%s", p.Text)
		}
		return &remote{f.source, careful(c.Client), f.cache, system(c.Root)}
	})
}

// FromLists is FromConfig over the lists that apt has already downloaded: it only reads, needs no
// network, and verifies signatures and digests all the same, whatever transport apt fetched them
// by: a mirror list, a CD, one of somebody's own, or with a password. An artifact that this package
// could not fetch itself has no URL and is the package manager's to fetch (Repository, CAT-5). A
// list that is missing tells to run apt-get update.
//
// A batch's time is when the lists were read, since apt does not keep when it last asked the repository. That a feed of
// lists is stale (CAT-2) shows only by the Release file's Date, where an age is set, and by Valid-Until.
func FromLists(c Config) ([]*Feed, error) {
	c.CacheDir = "" // apt's folder is one
	return feeds(c, func(c Config, f *Feed) origin { return &lists{f.source, c.Lists, system(c.Root)} })
}

func feeds(c Config, from func(Config, *Feed) origin) ([]*Feed, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, fail(Refused, c.Dir, err, "the configuration cannot be used")
	}
	sources, problems, err := readSources(system(c.Root), c.Dir, c.Architectures[0])
	if err != nil {
		return nil, err
	}
	g := &group{listings: make([]listing, len(sources))}
	var all []*Feed
	for i, s := range sources {
		f := &Feed{id: feedID(s.uri + " " + s.suite), source: s, config: c, group: g, index: i}
		f.cache = newCache(c.CacheDir, f.id)
		f.from = from(c, f)
		f.held.published = f.cache.meta().Published
		all = append(all, f)
	}
	return append(all, refusals(c, problems)...), nil
}

// refusals makes one feed of all that is refused at one place.
func refusals(c Config, problems []Problem) []*Feed {
	var all []*Feed
	byID := map[catalog.FeedID]*Error{}
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
		byID[id] = fail(Refused, p.where(), nil, "%s", p.Text)
		all = append(all, &Feed{id: id, config: c, refused: byID[id]})
	}
	return all
}

// feedID makes an identity that the catalog takes.
func feedID(text string) catalog.FeedID {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, "apt:"+text)
	if len(text) > catalog.MaxID {
		text = strings.ToValidUTF8(text[:catalog.MaxID-33], "?") + "~" + sumOf([]byte(text)).digest.Sum[:32]
	}
	return catalog.FeedID(text)
}
