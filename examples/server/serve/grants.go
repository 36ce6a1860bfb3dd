package serve

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// FeedSettings are what an administrator sets for one feed.
type FeedSettings struct {
	Grant     catalog.Grant // what it may speak about
	Authority string        // the authority it speaks for; empty: the feed's own
	MaxAge    time.Duration // maximum age of its data (CAT-2); zero: no limit
}

// SettingsOf reads grants (CAT-17), each "FEED vendor NAME", "FEED product ID",
// "FEED patch ID", "FEED lines ID" or "FEED authority NAME", and maximum ages
// (CAT-2), each FEED=DURATION, where FEED is the id of one of the feeds.
func SettingsOf(grants, ages []string, feeds []catalog.Feed) (map[catalog.FeedID]FeedSettings, error) {
	settings := make(map[catalog.FeedID]FeedSettings)
	for _, text := range grants {
		if err := grant(text, feeds, settings); err != nil {
			return nil, fmt.Errorf("grant %q: %w; want 'FEED vendor NAME', 'FEED product ID', 'FEED patch ID', 'FEED lines ID' (an ID may end in *), or 'FEED authority NAME'", text, err)
		}
	}
	for _, text := range ages {
		i := strings.LastIndex(text, "=")
		if i < 0 {
			return nil, fmt.Errorf("maximum age %q: want FEED=DURATION", text)
		}
		id := catalog.FeedID(text[:i])
		age, err := time.ParseDuration(text[i+1:])
		if err != nil || age <= 0 {
			return nil, fmt.Errorf("maximum age %q of feed %s: want a duration above zero, like 240h", text[i+1:], id)
		}
		if !configured(feeds, id) {
			return nil, fmt.Errorf("maximum age of feed %q: no such feed is configured", id)
		}
		s := settings[id]
		s.MaxAge = age
		settings[id] = s
	}
	return settings, nil
}

func configured(feeds []catalog.Feed, id catalog.FeedID) bool {
	return slices.ContainsFunc(feeds, func(f catalog.Feed) bool { return f.ID() == id })
}

func grant(text string, feeds []catalog.Feed, settings map[catalog.FeedID]FeedSettings) error {
	var id catalog.FeedID
	var names []string
	for _, f := range feeds {
		names = append(names, fmt.Sprintf("%q", f.ID()))
		if strings.HasPrefix(text, string(f.ID())+" ") && len(f.ID()) > len(id) {
			id = f.ID()
		}
	}
	if id == "" {
		return errors.New("it does not begin with the name of a configured feed; those are " + strings.Join(names, ", "))
	}
	kind, name, _ := strings.Cut(text[len(id)+1:], " ")
	s := settings[id]
	switch kind {
	case "vendor":
		s.Grant.Vendors = append(s.Grant.Vendors, name)
	case "product":
		s.Grant.Products = append(s.Grant.Products, name)
	case "patch":
		s.Grant.Patches = append(s.Grant.Patches, name)
	case "lines":
		s.Grant.Lines = append(s.Grant.Lines, name)
	case "authority":
		if name == "" || s.Authority != "" {
			return errors.New("a feed speaks for exactly one authority")
		}
		s.Authority = name
	default:
		return fmt.Errorf("%q cannot be granted", kind)
	}
	if problems := s.Grant.Check(); len(problems) > 0 {
		return errors.New(problems[0])
	}
	settings[id] = s
	return nil
}

// unused warns of grants that match nothing of a catalog: mostly a name is not
// spelt as the feed spells it (CAT-17).
func (s *syncer) unused(snap *catalog.Snapshot) (warnings []string) {
	vendors := map[string]bool{}
	var products, patches []string
	for p := range snap.Products() {
		vendors[p.Vendor] = true
		products = append(products, string(p.ID))
	}
	for p := range snap.Patches() {
		patches = append(patches, string(p.ID))
	}
	matches := func(pattern string, ids []string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return slices.ContainsFunc(ids, func(id string) bool { return id == pattern || open && strings.HasPrefix(id, prefix) })
	}
	for _, id := range slices.Sorted(maps.Keys(s.settings)) {
		g := s.settings[id].Grant
		check := func(kind string, names []string, used func(string) bool) {
			for _, name := range names {
				if !used(name) {
					warnings = append(warnings, fmt.Sprintf("the grant '%s %s %s' matches nothing in the catalog; is it spelt as the feed spells it? (CAT-17)", id, kind, name))
				}
			}
		}
		check("vendor", g.Vendors, func(name string) bool { return vendors[name] })
		check("product", g.Products, func(name string) bool { return matches(name, products) })
		check("patch", g.Patches, func(name string) bool { return matches(name, patches) })
		check("lines", g.Lines, func(name string) bool { return matches(name, products) })
	}
	return warnings
}
