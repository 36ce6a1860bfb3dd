package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Feed is a source of patches.
//
// Fetch returns everything the feed offers now, or Unchanged when that is what its last batch was. An error says that
// the fetch failed; the caller hands Sync the batch that Failed makes of it, so that the feed keeps its last good patches
// (CAT-1). Unchanged refers to the last batch of this very Feed value: who lost that batch makes the feed anew. Bad records the feed leaves out and names in Batch.Rejected (CAT-16). Fetch honours ctx, bounds what it reads
// and is safe for concurrent use. The batch belongs to the caller; the feed does not change it afterwards. Every
// implementation must pass catalogtest.TestFeed.
type Feed interface {
	// ID is the feed's identity; it never changes.
	ID() FeedID
	Fetch(ctx context.Context) (Batch, error)
}

// Batch is what one fetch of one feed brought.
type Batch struct {
	Feed      FeedID
	At        time.Time  // when it was fetched; zero: when it is synced
	Unchanged bool       // the same as the last good batch: Products and Patches are left empty
	Err       string     // the fetch failed, and why; empty: it did not
	Products  []Product  // all the feed knows; every patch's product is here or in another feed
	Patches   []Patch    // all the feed offers: a patch that is gone from here leaves the catalog
	Rejected  []Rejected // records the feed itself refused
	Authority string     // feeds of the same one speak for each other; empty: this feed speaks for itself alone (CAT-17)
	Names     []string   // prefixes of product and patch ids that are the feed's by its nature, like "deb/bookworm/" (CAT-17)
	Grant     Grant      // what the administrator lets the feed speak about (CAT-17)
	Dated     time.Time  // the date that the source itself states; zero: none, of an unchanged batch: that of the last one (CAT-2)

	// MaxAge is how old Dated may be before the feed is stale, by the feed's configuration; zero:
	// no limit (CAT-2).
	MaxAge time.Duration
	// AcceptOlder is the administrator's act that takes a batch which is dated before one that was
	// accepted (CAT-2).
	AcceptOlder bool

	Gone  bool // the feed was taken out of the configuration for good: it leaves the catalog, with its patches (CAT-17)
	Local bool // it comes from this computer by its administrator's own setting: its URLs may name files (INT-11)
}

// Grant is what an administrator lets a feed speak about. It outranks who came first; the zero
// value grants nothing and takes nothing away (CAT-17). It is the administrator's word and belongs
// into every batch. A failed batch with the zero value leaves what was granted before as it is; one
// with an empty list that is not nil takes it away.
type Grant struct {
	Vendors  []string `json:"vendors,omitempty"`  // by their exact names
	Products []string `json:"products,omitempty"` // ids, or prefixes of ids that end in "*"; with the patches whose ids begin with such an id
	Patches  []string `json:"patches,omitempty"`  // likewise, of patches alone
}

// Check returns everything that is wrong with the grant, one plain phrase each.
func (g Grant) Check() []string {
	var c checker
	if c.count("grants", len(g.Vendors)+len(g.Products)+len(g.Patches), MaxGrants) {
		for _, name := range g.Vendors {
			c.text("a granted vendor", name, MaxText, true)
		}
		for _, id := range slices.Concat(g.Products, g.Patches) {
			c.text("a granted id", id, MaxID, true)
			if i := strings.IndexByte(id, '*'); i >= 0 && i < len(id)-1 {
				c.addf("granted id %.*q has a star before its end", MaxID, id)
			}
		}
	}
	return c.problems
}

func (g Grant) equal(h Grant) bool {
	return slices.Equal(g.Vendors, h.Vendors) && slices.Equal(g.Products, h.Products) && slices.Equal(g.Patches, h.Patches)
}

func (g Grant) given() bool { return g.Vendors != nil || g.Products != nil || g.Patches != nil }

// Failed makes the batch of a fetch that failed with err at the given time (CAT-1).
func Failed(feed FeedID, at time.Time, err error) Batch {
	b := Batch{Feed: feed, At: at, Err: "the fetch failed"}
	if err != nil && err.Error() != "" {
		b.Err = err.Error()
	}
	return b
}

// Rejected is a record that was refused, with every reason (CAT-16), or what else a feed claims of
// another authority (CAT-17). It is an error as well as data.
type Rejected struct {
	Feed    FeedID   `json:"feed"`
	Record  string   `json:"record"` // "product ID" or "patch ID", or what else tells the record apart
	Reasons []string `json:"reasons"`
	Owner   string   `json:"owner,omitempty"` // the authority that it claims something of; empty: it is refused for itself
}

func (r *Rejected) Error() string {
	return fmt.Sprintf("feed %s: %s rejected: %s", r.Feed, r.Record, strings.Join(r.Reasons, "; "))
}

// FeedHealth is how a feed fares (CAT-1, CAT-2), and what it may speak about (CAT-17).
type FeedHealth struct {
	Feed       FeedID        `json:"feed"`
	Healthy    bool          `json:"healthy"`              // the last fetch was good
	FirstGood  time.Time     `json:"firstGood,omitzero"`   // the first good fetch; zero: none yet
	LastGood   time.Time     `json:"lastGood,omitzero"`    // the last good fetch, an unchanged one included; zero: none yet
	Err        string        `json:"err,omitempty"`        // why the last fetch failed; empty when healthy
	Since      time.Time     `json:"since,omitzero"`       // when it began to fail; zero when healthy
	Authority  string        `json:"authority,omitempty"`  // whom it speaks for (CAT-17)
	Names      []string      `json:"names,omitempty"`      // as in its last good batch
	Grant      Grant         `json:"grant,omitzero"`       // what it was granted
	Outside    int           `json:"outside,omitempty"`    // what its last good batch claims of other authorities, not counted as Rejected
	Conflicts  []Rejected    `json:"conflicts,omitempty"`  // the first few of these
	Patches    int           `json:"patches,omitempty"`    // in the snapshot, deprecated ones included
	Rejected   int           `json:"rejected,omitempty"`   // records of the last good batch that were refused
	MaxLatency time.Duration `json:"maxLatency,omitempty"` // the longest Patch.Latency among patches published after FirstGood
	Dated      time.Time     `json:"dated,omitzero"`       // the newest date of the source that was accepted; zero: it states none
	MaxAge     time.Duration `json:"maxAge,omitempty"`     // how old Dated may be; zero: no limit
}

// Stale reports whether the feed is stale (CAT-2): without a good sync for StaleAfter, or with data
// older than its MaxAge, at the instant included. A feed that never had a good sync counts from its
// first failure.
func (h FeedHealth) Stale(now time.Time) bool { return h.unread(now) || h.old(now) }

// old reports whether the source's own date is past the maximum age.
func (h FeedHealth) old(now time.Time) bool {
	return h.MaxAge > 0 && !h.Dated.IsZero() && now.Sub(h.Dated) >= h.MaxAge
}

func (h FeedHealth) unread(now time.Time) bool {
	since := h.LastGood
	if since.IsZero() {
		since = h.Since
	}
	return now.Sub(since) >= StaleAfter
}
