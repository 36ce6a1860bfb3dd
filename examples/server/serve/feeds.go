package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/aptfeed"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// fetchTime bounds one fetch: a distribution's package lists over a slow line.
const fetchTime = 10 * time.Minute

// Feeds makes the feeds of JSON documents and of apt configurations.
func Feeds(documents, aptConfigs []string, aptCache string, logger *slog.Logger) ([]catalog.Feed, error) {
	var feeds []catalog.Feed
	seen := make(map[catalog.FeedID]bool)
	add := func(f catalog.Feed) error {
		if seen[f.ID()] {
			return fmt.Errorf("feed %s is named twice", f.ID())
		}
		seen[f.ID()] = true
		feeds = append(feeds, f)
		return nil
	}
	for _, location := range documents {
		id := location
		if u, err := url.Parse(location); err == nil && u.User != nil {
			id = u.Redacted() // the id is shown everywhere
		}
		f, err := jsonfeed.New(catalog.FeedID(id), location, jsonfeed.Options{})
		if err != nil {
			return nil, err
		}
		if err := add(f); err != nil {
			return nil, err
		}
	}
	for _, dir := range aptConfigs {
		// In the order returned, which aptfeed asks for.
		all, err := aptfeed.FromConfig(aptfeed.Config{Dir: dir, CacheDir: aptCache, Report: func(p aptfeed.Problem) {
			logger.Warn("apt configuration", "dir", dir, "problem", p.Error())
		}})
		if err != nil {
			return nil, fmt.Errorf("apt configuration %s: %w", dir, err)
		}
		for _, f := range all {
			if err := add(f); err != nil {
				return nil, err
			}
		}
	}
	return feeds, nil
}

// syncer brings what the feeds have into the catalog, one sync at a time.
type syncer struct {
	controller *controller.Controller
	feeds      []catalog.Feed
	logger     *slog.Logger

	mu   sync.Mutex
	owed map[catalog.FeedID]catalog.Batch // good batches that could not be stored: their feeds will say "unchanged" now
}

func (s *syncer) run(ctx context.Context) (catalog.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var batches []catalog.Batch
	for _, feed := range s.feeds {
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
		batches = append(batches, b)
	}
	changes, err := s.controller.Sync(ctx, batches, time.Now())
	if err != nil && !stored(err) {
		if s.owed == nil {
			s.owed = make(map[catalog.FeedID]catalog.Batch)
		}
		for _, b := range batches {
			if b.Err == "" && !b.Unchanged {
				s.owed[b.Feed] = b
			}
		}
		return changes, err
	}
	s.owed = nil
	for _, r := range changes.Rejected {
		s.logger.Warn("record rejected", "feed", r.Feed, "record", r.Record, "reasons", r.Reasons)
	}
	s.logger.Info("synced", "feeds", len(s.feeds), "added", len(changes.Added), "changed", len(changes.Changed), "removed", len(changes.Removed),
		"deprecated", len(changes.Deprecated), "rejected", len(changes.Rejected), "failed", len(changes.Failed))
	return changes, err
}
