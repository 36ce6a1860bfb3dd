package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Probe is the result of requesting a URL (CAT-10).
type Probe struct {
	URL string
	Err string // why its file could not be fetched; empty: it could
}

// Unreachable is a URL whose file could not be fetched when it was last probed.
type Unreachable struct {
	URL   string    `json:"url"`
	Since time.Time `json:"since"`
	Err   string    `json:"err"`
}

// ProbeURLs lists the URLs to probe before orders are made
// (CAT-10): of the files and signatures of every patch that is marked for its
// end of life and not deprecated, each once, sorted. The caller requests some
// or all of them and passes the answers to Probed.
func (c *Controller) ProbeURLs(ctx context.Context) ([]string, error) {
	snap, err := c.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return probeURLs(snap), nil
}

func probeURLs(snap *catalog.Snapshot) (urls []string) {
	for p := range snap.Patches() {
		if !p.EOLMarked {
			continue
		}
		for _, a := range p.Artifacts {
			for _, u := range []string{a.Source(), a.SignatureURL} {
				if u != "" {
					urls = append(urls, u)
				}
			}
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// Probed stores the results of probes; other URLs keep their results. A patch
// that needs an unreachable URL is ArtifactUnreachable for orders made from now
// on, in Preview and in Missing, until a probe reaches it or no marked patch
// names it any more. Orders that are already made keep the patch: agents find
// out when they download it. At most MaxUnreachable are kept, and what is
// beyond counts as reachable.
func (c *Controller) Probed(ctx context.Context, probes []Probe, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		wanted := probeURLs(t.snapshot())
		since := map[string]Unreachable{}
		for _, u := range all[Unreachable](t.reader, tableUnreachable) {
			if _, is := slices.BinarySearch(wanted, u.URL); is {
				since[u.URL] = u
			} else {
				t.delete(tableUnreachable, key(hash(u.URL)))
			}
		}
		for _, p := range probes {
			u, bad := since[p.URL]
			_, is := slices.BinarySearch(wanted, p.URL)
			switch {
			case !is:
			case p.Err == "" && bad:
				delete(since, p.URL)
				t.delete(tableUnreachable, key(hash(p.URL)))
			case p.Err == "" || bad && u.Err == problem.Clip(p.Err, ledger.MaxText) || !bad && len(since) >= MaxUnreachable:
			default:
				if !bad {
					u = Unreachable{URL: p.URL, Since: t.now}
				}
				u.Err = problem.Clip(p.Err, ledger.MaxText)
				since[p.URL] = u
				t.save(tableUnreachable, key(hash(p.URL)), u)
			}
		}
	})
}

// Unreachable lists the URLs that the last probes could not reach, sorted
// (CAT-10).
func (c *Controller) Unreachable(ctx context.Context) ([]Unreachable, error) {
	list, err := view(ctx, c, func(r *reader) []Unreachable { return all[Unreachable](r, tableUnreachable) })
	slices.SortFunc(list, func(a, b Unreachable) int { return strings.Compare(a.URL, b.URL) })
	return list, err
}

// unreachable is what verdicts are made with.
func (r *reader) unreachable() map[string]bool {
	urls := map[string]bool{}
	for u := range values[Unreachable](r, tableUnreachable, "", "") {
		urls[u.URL] = true
	}
	return urls
}

// SetCustomURLs sets the customer's URLs for Vendor artifacts, and takes back
// those whose URL is empty (CAT-5), all or none. Syncs keep them. Orders made
// from now on use them; orders that are made already stay as they are (JOB-8).
// The error is a *catalog.Invalid that names each one refused.
func (c *Controller) SetCustomURLs(ctx context.Context, urls []catalog.CustomURL, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		before := t.stored()
		snap, err := before.snapshot.WithCustomURLs(urls)
		if t.fail(err); err != nil || snap.ID() == before.snapshot.ID() {
			return
		}
		next, err := before.next(snap)
		t.fail(err)
		t.acted(URLsChanged, "", fmt.Sprintf("%d given", len(urls)))
		t.saveSnapshot(before, next)
	})
}

// CustomURLs lists the custom URLs that are set, by patch and artifact, those
// without effect included (CAT-5).
func (c *Controller) CustomURLs(ctx context.Context) ([]catalog.CustomURL, error) {
	snap, err := c.Snapshot(ctx)
	return snap.CustomURLs(), err
}
