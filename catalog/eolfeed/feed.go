package eolfeed

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// Options are a feed's settings. The zero value is the default.
type Options = fetch.Options

// Document is a document and the products that it speaks of.
type Document struct {
	Location string              // an http, https or file URL, or the path of a file
	Products []catalog.ProductID // ids, or prefixes that end in "*"; at least one
}

// Feed is a [catalog.Feed] of the ends of life in several documents. It is safe
// for concurrent use.
type Feed struct {
	id        catalog.FeedID
	documents []*document

	mu   sync.Mutex
	owed bool // a document changed since the last good batch
}

var _ catalog.Feed = (*Feed)(nil)

type document struct {
	name string // its location, without a password
	feed *fetch.Feed
	last catalog.Batch // its last good one
}

// New returns a feed that reads the documents. No product may be given twice.
func New(id catalog.FeedID, documents []Document, o Options) (*Feed, error) {
	f := &Feed{id: id}
	if n := len(documents); n == 0 || n > MaxDocuments {
		return nil, fmt.Errorf("feed %s: %d documents, want 1 to %d", id, n, MaxDocuments)
	}
	given := make(map[catalog.ProductID]bool)
	for _, d := range documents {
		name := fetch.Redacted(d.Location)
		if n := len(d.Products); n == 0 || n > MaxProducts {
			return nil, fmt.Errorf("feed %s: %s speaks of %d products, want 1 to %d", id, name, n, MaxProducts)
		}
		for _, p := range d.Products {
			switch problems := (catalog.LineSet{Product: p}).Check(); {
			case len(problems) > 0:
				return nil, fmt.Errorf("feed %s: product %.80q of %s: %s; want an id, or a prefix that ends in *", id, p, name, problems[0])
			case given[p]:
				return nil, fmt.Errorf("feed %s: product %s is given twice; give it once", id, p)
			}
			given[p] = true
		}
		products := slices.Clone(d.Products)
		read := fetch.Form{Name: "end-of-life document", Accept: "application/json", Limit: MaxDocument, Parse: func(_ context.Context, id catalog.FeedID, data []byte) (catalog.Batch, error) {
			return parse(id, data, products)
		}}
		one, err := fetch.New(id, d.Location, read, o)
		if err != nil {
			return nil, err
		}
		f.documents = append(f.documents, &document{name: name, feed: one})
	}
	return f, nil
}

// ID returns the feed's identity.
func (f *Feed) ID() catalog.FeedID { return f.id }

// Fetch reads the documents. The batch is Unchanged if every document is (see
// ETag, Last-Modified and bytes). Errors wrap a *fault.Error,
// which names the document, and that of ctx if it ended.
func (f *Feed) Fetch(ctx context.Context) (catalog.Batch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	whole := catalog.Batch{Feed: f.id}
	for _, d := range f.documents {
		b, err := d.feed.Fetch(ctx)
		if err != nil {
			return catalog.Batch{}, err
		}
		if !b.Unchanged {
			d.last, f.owed = b, true
		}
		if whole.At.IsZero() {
			whole.At = b.At // the first: the others are at least as new
		}
		if made := d.last.Dated; whole.Dated.IsZero() || !made.IsZero() && made.Before(whole.Dated) {
			whole.Dated = made
		}
	}
	if whole.Unchanged = !f.owed; whole.Unchanged {
		return whole, nil
	}
	for _, d := range f.documents {
		for _, set := range d.last.Lines { // the caller owns its batch
			whole.Lines = append(whole.Lines, catalog.LineSet{Product: set.Product, Lines: slices.Clone(set.Lines)})
		}
		for _, r := range d.last.Rejected {
			r.Record += " of " + d.name
			whole.Rejected = append(whole.Rejected, r)
		}
	}
	f.owed = false
	return whole, nil
}
