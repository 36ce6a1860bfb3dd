package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/aptfeed"
	"github.com/patchpolicy/patchpolicy/catalog/eolfeed"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/catalog/kevfeed"
	"github.com/patchpolicy/patchpolicy/catalog/osvfeed"
	"github.com/patchpolicy/patchpolicy/catalog/rpmfeed"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// fetchTime bounds one fetch: the package lists of a distribution over a slow
// line.
const fetchTime = 10 * time.Minute

// Sources say where the server's feeds are.
type Sources struct {
	JSON       []string // URLs or paths of patch documents
	Signers    []string // FEED=FILE: the document of a JSON feed must be signed by one of the signers in a file, which has the form of a signer policy
	Signatures []string // FEED=LOCATION: URL or path of its signature; otherwise the document's, with ".sig" after its path
	EOL        []string // end-of-life documents, each "LOCATION PRODUCT…": a URL or path, and the products that it speaks of
	OSV        []string // advisories, each "LOCATION ECOSYSTEM,…": a URL or path, and the ecosystems that are read, like "Debian:12"
	KEV        string   // URL or path of the catalog of known exploited vulnerabilities; empty: none
	SSVC       string   // URL or path of CVE records with SSVC decisions; empty: none
	EPSS       string   // URL or path of exploit probabilities; empty: none
	RPM        []string // RPM repositories, each "URL KEYRING CHANNEL ARCHITECTURE…", of which KEYRING is a file, or "unsigned"
	Apt        []string // folders of apt configurations
	AptCache   string   // folder that keeps fetched package lists
}

// Feeds makes the feeds. The end-of-life documents are one feed, "eol". The
// other ids are "kev", "ssvc", "epss", "osv:" with the ecosystems, and "rpm:"
// with the channel; that of a JSON feed is its location.
func Feeds(from Sources, logger *slog.Logger) (feeds []catalog.Feed, err error) {
	signed, err := from.signed()
	if err != nil {
		return nil, err
	}
	for _, location := range from.JSON {
		id := feedID(location)
		f, err := jsonfeed.New(catalog.FeedID(id), location, jsonfeed.Options{Signed: signed[id]})
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, f)
	}
	if len(from.EOL) > 0 {
		var documents []eolfeed.Document
		for _, text := range from.EOL {
			location, products, _ := strings.Cut(text, " ")
			d := eolfeed.Document{Location: location}
			for id := range strings.FieldsSeq(products) {
				d.Products = append(d.Products, catalog.ProductID(id))
			}
			documents = append(documents, d)
		}
		f, err := eolfeed.New("eol", documents, eolfeed.Options{})
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, f)
	}
	for _, make := range []func() ([]catalog.Feed, error){from.facts, from.rpms} {
		more, err := make()
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, more...)
	}
	for _, dir := range from.Apt {
		// They are kept in the order returned, as aptfeed asks.
		all, err := aptfeed.FromConfig(aptfeed.Config{Dir: dir, CacheDir: from.AptCache, Report: func(p aptfeed.Problem) {
			logger.Warn("apt configuration", "dir", dir, "problem", p.Error())
		}})
		if err != nil {
			return nil, fmt.Errorf("apt configuration %s: %w", dir, err)
		}
		for _, f := range all {
			feeds = append(feeds, f)
		}
	}
	seen := make(map[catalog.FeedID]bool)
	for _, f := range feeds {
		if seen[f.ID()] {
			return nil, fmt.Errorf("feed %s is given twice; give it once", f.ID())
		}
		seen[f.ID()] = true
	}
	return feeds, nil
}

// feedID returns the id of a JSON feed: its location, without a password,
// because the id is shown to everybody.
func feedID(location string) string {
	if u, err := url.Parse(location); err == nil && u.User != nil {
		return u.Redacted()
	}
	return location
}

// facts makes the feeds of advisories and of what is known of vulnerabilities.
func (from Sources) facts() (feeds []catalog.Feed, err error) {
	for _, text := range from.OSV {
		location, names, _ := strings.Cut(text, " ")
		names = strings.TrimSpace(names)
		if names == "" {
			return nil, fmt.Errorf("advisories %q: want 'LOCATION ECOSYSTEM', like 'osv.zip Debian:12'; a comma separates several ecosystems", text)
		}
		f, err := osvfeed.New(catalog.FeedID("osv:"+names), location, strings.Split(names, ","), osvfeed.Options{})
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, f)
	}
	for _, x := range []struct {
		id       catalog.FeedID
		location string
		make     func(catalog.FeedID, string, kevfeed.Options) (*kevfeed.Feed, error)
	}{{"kev", from.KEV, kevfeed.New}, {"ssvc", from.SSVC, kevfeed.NewSSVC}, {"epss", from.EPSS, kevfeed.NewEPSS}} {
		if x.location == "" {
			continue
		}
		f, err := x.make(x.id, x.location, kevfeed.Options{})
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, f)
	}
	return feeds, nil
}

const maxKeyring = 1 << 20 // bytes: a distribution's keys have some 50 kB

func (from Sources) rpms() (feeds []catalog.Feed, err error) {
	for _, text := range from.RPM {
		parts := strings.Fields(text)
		if len(parts) < 4 {
			return nil, fmt.Errorf("RPM repository %q: want 'URL KEYRING CHANNEL ARCHITECTURE…', like 'https://rpm.acme.example/9 /etc/acme.gpg acme x86_64', "+
				"or \"unsigned\" instead of a file with keys", text)
		}
		c := rpmfeed.Config{URL: parts[0], Channel: parts[2], Architectures: parts[3:]}
		if c.Unsigned = parts[1] == "unsigned"; !c.Unsigned {
			info, err := os.Stat(parts[1])
			if err == nil && info.Size() > maxKeyring {
				err = fmt.Errorf("%s has %d bytes, want at most %d", parts[1], info.Size(), maxKeyring)
			}
			if err == nil {
				c.Keyring, err = os.ReadFile(parts[1])
			}
			if err != nil {
				return nil, fmt.Errorf("RPM repository %s: keyring: %w", c.Channel, err)
			}
		}
		f, err := rpmfeed.New(c)
		if err != nil {
			return nil, fmt.Errorf("RPM repository %s: %w", c.Channel, err)
		}
		feeds = append(feeds, f)
	}
	return feeds, nil
}

// syncer brings the feeds' data into the catalog, one sync at a time.
type syncer struct {
	controller *controller.Controller
	feeds      []catalog.Feed
	settings   map[catalog.FeedID]FeedSettings
	forget     []string // former feeds, which leave the catalog
	logger     *slog.Logger
	remake     func() ([]catalog.Feed, error) // the feeds as they were configured; nil: they stay as they are

	doing   atomic.Pointer[string]                    // nil: no sync runs
	changed atomic.Pointer[[]adminhttp.CatalogChange] // the newest first, at most adminhttp.MaxChanges; nil: nothing

	mu       sync.Mutex
	warnings []string                         // of the last sync
	fence    controller.Fence                 // of the last sync
	owed     map[catalog.FeedID]catalog.Batch // batches that were refused or not stored, because their feeds answer "unchanged" next time
}

func (s *syncer) says(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.doing.Store(&text)
}

// syncing says what the sync that runs does. Empty: none runs.
func (s *syncer) syncing() string {
	if text := s.doing.Load(); text != nil {
		return *text
	}
	return ""
}

// warned syncs for the administrator, who is also warned.
func (s *syncer) warned(sync syncFunc) func(context.Context, catalog.FeedID) (adminhttp.Synced, error) {
	return func(ctx context.Context, acceptOlder catalog.FeedID) (adminhttp.Synced, error) {
		changes, err := sync(ctx, acceptOlder)
		s.mu.Lock()
		defer s.mu.Unlock()
		return adminhttp.Synced{Changes: changes, Warnings: s.warnings}, err
	}
}

// lately returns what changed in what the catalog has, since the server was
// started.
func (s *syncer) lately() []adminhttp.CatalogChange {
	if list := s.changed.Load(); list != nil {
		return *list
	}
	return nil
}

// note notes what a sync changed.
func (s *syncer) note(ctx context.Context, before *catalog.Snapshot, changes catalog.Changes, now time.Time) {
	after, err := s.controller.Snapshot(ctx)
	if err != nil || after.ID() == before.ID() || len(before.Feeds()) == 0 { // the first sync changes nothing
		return
	}
	list := append(adminhttp.Changed(before, after, changes, now), s.lately()...)
	list = list[:min(len(list), adminhttp.MaxChanges)]
	s.changed.Store(&list)
}

// run syncs once. From the feed named, if any, it accepts data that is older
// than what was accepted before (CAT-2).
func (s *syncer) run(ctx context.Context, acceptOlder catalog.FeedID) (catalog.Changes, error) {
	return s.lead(ctx, 0, acceptOlder)
}

// lead is run for one of several servers, in a leadership of its.
func (s *syncer) lead(ctx context.Context, fence controller.Fence, acceptOlder catalog.FeedID) (catalog.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fence != 0 && s.fence != fence && s.remake != nil { // the feeds do not know what other servers stored since
		feeds, err := s.remake()
		if err != nil {
			return catalog.Changes{}, err
		}
		s.feeds, s.owed = feeds, nil
	}
	s.fence = fence
	if acceptOlder != "" && !configured(s.feeds, acceptOlder) {
		return catalog.Changes{}, &controller.NotFoundError{Kind: "feed", ID: string(acceptOlder)}
	}
	defer s.doing.Store(nil)
	var batches []catalog.Batch
	for i, feed := range s.feeds {
		s.says("fetching %s, feed %d of %d", feed.ID(), i+1, len(s.feeds))
		fetching, stop := context.WithTimeout(ctx, fetchTime)
		b, err := feed.Fetch(fetching)
		stop()
		if ctx.Err() != nil {
			return catalog.Changes{}, ctx.Err()
		}
		now := time.Now()
		if err != nil {
			s.logger.Warn("feed failed", "feed", feed.ID(), "err", err)
			b = catalog.Batch{Feed: feed.ID(), At: now, Err: err.Error()}
		}
		if owed, has := s.owed[feed.ID()]; has && b.Unchanged {
			b = owed
		}
		set := s.settings[feed.ID()]
		if b.Grant = set.Grant; b.Grant.Vendors == nil {
			b.Grant.Vendors = []string{} // so that a grant that was removed ends even if the feed fails
		}
		if set.Authority != "" {
			b.Authority = set.Authority
		}
		b.MaxAge, b.AcceptOlder = cmp.Or(set.MaxAge, b.MaxAge), feed.ID() == acceptOlder
		batches = append(batches, b)
	}
	for _, id := range s.forget {
		batches = append(batches, catalog.Batch{Feed: catalog.FeedID(id), Gone: true})
	}
	s.says("making and storing the catalog")
	now := time.Now()
	before, err := s.controller.Snapshot(ctx)
	if err != nil {
		return catalog.Changes{}, err
	}
	changes, err := s.controller.Sync(ctx, batches, now)
	_, stored := errors.AsType[*controller.UnfinishedError](err)
	lost := err != nil && !stored
	if s.owed == nil {
		s.owed = make(map[catalog.FeedID]catalog.Batch)
	}
	for _, b := range batches {
		switch {
		case b.Err != "" || b.Unchanged: // it brought nothing
		case lost || slices.Contains(changes.Failed, b.Feed):
			s.owed[b.Feed] = b
		default:
			delete(s.owed, b.Feed)
		}
	}
	if lost {
		return changes, err
	}
	s.note(ctx, before, changes, now)
	for _, feed := range changes.Failed {
		if b, refused := s.owed[feed]; refused {
			s.logger.Warn("feed refused, see report feeds", "feed", feed, "dated", b.Dated)
		}
	}
	s.warnings = nil
	if snap, err := s.controller.Snapshot(ctx); err == nil && len(changes.Failed) == 0 {
		s.warnings = s.unused(snap)
	}
	for _, text := range s.warnings {
		s.logger.Warn(text)
	}
	for _, r := range changes.Rejected {
		s.logger.Warn("record rejected", "feed", r.Feed, "record", r.Record, "reasons", r.Reasons, "owner", r.Owner)
	}
	s.logger.Info("synced", "feeds", len(s.feeds), "added", len(changes.Added), "changed", len(changes.Changed), "removed", len(changes.Removed),
		"deprecated", len(changes.Deprecated), "rejected", len(changes.Rejected), "failed", len(changes.Failed))
	return changes, err
}
