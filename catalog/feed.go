package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Feed is a source of patches.
//
// Fetch returns everything that the feed offers now, or Unchanged if that
// equals its last batch. Unchanged refers to the last batch of this Feed value:
// a caller that lost that batch makes a new Feed. An error means that the fetch
// failed. The caller then passes Sync the batch that [Failed] makes of it, so
// that the feed keeps its last good patches (CAT-1). The feed leaves bad
// records out and names them in Batch.Rejected (CAT-16). Fetch honours ctx,
// bounds what it reads, and is safe for concurrent use. The caller owns the
// batch, and the feed does not change it afterwards. Every implementation must
// pass catalogtest.TestFeed. One that fetches over HTTP should pass
// catalogtest.TestSources too: its errors then wrap a fault.Error, and a source
// that is broken, cut off, huge, slow or elsewhere costs no more than a failed
// fetch.
type Feed interface {
	// ID identifies the feed. It never changes.
	ID() FeedID
	Fetch(ctx context.Context) (Batch, error)
}

// Batch is the result of one fetch of one feed.
type Batch struct {
	Feed      FeedID
	At        time.Time  // when it was fetched; zero: the time of the sync
	Unchanged bool       // it equals the last good batch; its lists are empty
	Err       string     // why the fetch failed; empty: it did not fail
	Products  []Product  // all products of the feed; a patch may name a product of another feed
	Patches   []Patch    // all patches of the feed; one that is missing here leaves the catalog
	Rejected  []Rejected // records that the feed itself refused

	Vulnerabilities []Vulnerability // facts about vulnerabilities (CAT-18)
	Advisories      []Advisory      // which versions fix which vulnerabilities
	Lines           []LineSet       // version lines of products (CAT-11)

	// AllExploited says that Vulnerabilities name every one that is known to be
	// exploited: no other one is, as long as the feed is good (CAT-18). A bad
	// record makes it void, except one in Rejected as "vulnerability ID" whose id
	// Vulnerabilities name as exploited.
	AllExploited bool

	Authority string    // feeds with the same authority may speak about what another of them introduced; empty: the id of the feed (CAT-17)
	Names     []string  // prefixes of product and patch ids that the feed claims, like "deb/bookworm/" (CAT-17)
	Grant     Grant     // set by the administrator (CAT-17)
	Dated     time.Time // the date that the source states; zero: none, or in an unchanged batch the last one (CAT-2)

	// MaxAge is the age of Dated at which the feed becomes stale, from the
	// feed's configuration. Zero: no limit (CAT-2).
	MaxAge time.Duration
	// AcceptOlder accepts a batch that is dated before the newest accepted one.
	// The administrator sets it, for one batch (CAT-2).
	AcceptOlder bool

	Gone  bool // the feed was removed from the configuration: it leaves the catalog with its patches (CAT-17)
	Local bool // the administrator configured it as local: its URLs may name files (INT-11)
}

// Grant is what an administrator lets a feed speak about. It outranks the rule
// that whoever introduces something first owns it. The zero value grants
// nothing and takes nothing away (CAT-17). Set it in every batch. A failed
// batch with the zero value keeps the previous grant. A failed batch with an
// empty list that is not nil removes it.
type Grant struct {
	Vendors  []string `json:"vendors,omitempty"`  // exact names
	Products []string `json:"products,omitempty"` // ids, or prefixes that end in "*"; includes the patches whose ids begin with such an id
	Patches  []string `json:"patches,omitempty"`  // ids of patches, or prefixes that end in "*"
	Lines    []string `json:"lines,omitempty"`    // products, like Products, of which it may give the version lines and nothing else (CAT-11)
}

// Check returns everything that is wrong with the grant, one plain phrase each.
func (g Grant) Check() []string {
	var c checker
	if c.count("grants", len(g.Vendors)+len(g.Products)+len(g.Patches)+len(g.Lines), MaxGrants) {
		for _, name := range g.Vendors {
			c.text("a granted vendor", name, MaxText, true)
		}
		for _, id := range slices.Concat(g.Products, g.Patches, g.Lines) {
			c.pattern("granted id", id)
		}
	}
	return c.problems
}

// Failed returns the batch of a fetch that failed with err at the given time
// (CAT-1).
func Failed(feed FeedID, at time.Time, err error) Batch {
	text := ""
	if err != nil {
		text = err.Error()
	}
	return Batch{Feed: feed, At: at, Err: cmp.Or(text, "the fetch failed")}
}

// Rejected is a refused record with every reason (CAT-16), or another claim of
// a feed on something that belongs to another authority (CAT-17). It is an
// error as well as data.
type Rejected struct {
	Feed    FeedID   `json:"feed"`
	Record  string   `json:"record"` // "product ID" or "patch ID", or other words that identify the record
	Reasons []string `json:"reasons"`
	Owner   string   `json:"owner,omitempty"` // the authority that owns what it claims; empty: the record itself is bad
}

func (r *Rejected) Error() string {
	return fmt.Sprintf("feed %s: %s rejected: %s", r.Feed, r.Record, strings.Join(r.Reasons, "; "))
}

// FeedHealth is the state of a feed (CAT-1, CAT-2) and what it may speak about
// (CAT-17).
type FeedHealth struct {
	Feed       FeedID        `json:"feed"`
	Healthy    bool          `json:"healthy"`              // the last fetch was good
	FirstGood  time.Time     `json:"firstGood,omitzero"`   // the first good fetch; zero: none yet
	LastGood   time.Time     `json:"lastGood,omitzero"`    // the last good fetch, unchanged ones included; zero: none yet
	Err        string        `json:"err,omitempty"`        // why the last fetch failed; empty when healthy
	Since      time.Time     `json:"since,omitzero"`       // when it began to fail; zero when healthy
	Authority  string        `json:"authority,omitempty"`  // that it speaks for (CAT-17)
	Names      []string      `json:"names,omitempty"`      // of its last good batch
	Grant      Grant         `json:"grant,omitzero"`       // by the administrator
	Outside    int           `json:"outside,omitempty"`    // claims of its last good batch on what others own; not counted in Rejected
	Conflicts  []Rejected    `json:"conflicts,omitempty"`  // the first few of these claims
	Patches    int           `json:"patches,omitempty"`    // in the snapshot, including deprecated ones
	Known      int           `json:"known,omitempty"`      // vulnerabilities that it has facts about (CAT-18)
	Advisories int           `json:"advisories,omitempty"` // in the snapshot, including withdrawn ones
	Rejected   int           `json:"rejected,omitempty"`   // refused records of its last good batch
	MaxLatency time.Duration `json:"maxLatency,omitempty"` // the longest Patch.Latency of patches published after FirstGood
	Dated      time.Time     `json:"dated,omitzero"`       // the newest accepted date of the source; zero: it states none
	MaxAge     time.Duration `json:"maxAge,omitempty"`     // the age of Dated at which the feed is stale; zero: no limit

	// AllExploited says that no vulnerability is known to be exploited, except
	// those that the feed names (CAT-18).
	AllExploited bool `json:"allExploited,omitempty"`
}

// Stale reports whether the feed is stale (CAT-2): StaleAfter without a good
// sync, or data of the age MaxAge, from that instant on. A feed that never had
// a good sync counts from its first failure.
func (h FeedHealth) Stale(now time.Time) bool { return h.unread(now) || h.old(now) }

func (h *FeedHealth) old(now time.Time) bool {
	return h.MaxAge > 0 && !h.Dated.IsZero() && now.Sub(h.Dated) >= h.MaxAge
}

func (h *FeedHealth) unread(now time.Time) bool {
	return now.Sub(cmp.Or(h.LastGood, h.Since)) >= StaleAfter
}
