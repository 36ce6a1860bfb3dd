package aptfeed

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// Feed is one suite of one repository. It is a [catalog.Feed] and safe for
// concurrent use.
type Feed struct {
	id      catalog.FeedID
	source  source
	config  Config
	from    origin
	cache   cache
	refused error // set if the configuration is refused: every fetch fails with it
	group   *group
	index   int // in the group

	mu   sync.Mutex
	held held
}

// held is the result of the last good fetch.
type held struct {
	signed    signedRelease
	release   release
	indexes   []index
	missing   []string                             // named in the configuration, but not in the repository
	records   []record                             // of all indexes, each id once
	digests   map[catalog.PatchID]integrity.Digest // of the records
	rejected  fetch.Rejects
	published map[catalog.PatchID]time.Time // of patches that appeared after the first fetch
	view      view
	given     bool // a batch was returned
}

// ID returns "apt:", the repository's URI, a blank and the suite.
func (f *Feed) ID() catalog.FeedID { return f.id }

// Fetch verifies the Release file and reads the package lists whose digests
// changed. It returns a *[fault.Error], or the context's error. It uses nothing of a
// repository that it cannot verify as a whole. The batch is Unchanged if it
// would equal the last one.
func (f *Feed) Fetch(ctx context.Context) (catalog.Batch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused != nil {
		return catalog.Batch{}, f.refused
	}
	now := f.config.Now()
	next, same, err := f.learn(ctx, now)
	if err != nil {
		return catalog.Batch{}, err
	}
	if !f.held.given {
		f.group.learn(ctx, f.index, now)
	}
	next.view = f.group.view(f.index, next.records)
	unchanged := same && maps.Equal(next.view.hidden, f.held.view.hidden) && maps.Equal(next.view.security, f.held.view.security)
	next.given = true
	f.held = next
	if unchanged {
		b := f.header(now)
		b.Unchanged = true
		return b, nil
	}
	return f.batch(now), nil
}

// learn reads the feed and lists its patches to the group. Same: nothing is new.
func (f *Feed) learn(ctx context.Context, now time.Time) (next held, same bool, err error) {
	next, err = f.read(ctx, now)
	if err != nil {
		return held{}, false, err
	}
	same = f.held.given && bytes.Equal(next.signed.text, f.held.signed.text) && bytes.Equal(next.signed.detached, f.held.signed.detached)
	if !same {
		f.merge(&next)
		f.group.list(f, next)
	} else {
		signed := next.signed
		next = f.held
		next.signed = signed // its validators may be new
	}
	if err := f.cache.keep(next); err != nil {
		f.config.Report(Problem{File: f.config.CacheDir, Text: "fetched files cannot be kept there: " + err.Error()})
	}
	return next, same, nil
}

// read fetches and verifies everything. It does not change the feed.
func (f *Feed) read(ctx context.Context, now time.Time) (held, error) {
	ring, err := loadKeyring(f.source, fetch.System(f.config.Root), f.config.Dir)
	if err != nil {
		return held{}, err
	}
	address := debian.RepositoryOf(f.source.listName("Release")) // the repository's name on every asset that uses it
	last := f.held.signed
	if len(last.text) == 0 {
		// What is kept on disk counts only if it verifies.
		kept := f.cache.signed(f.source.base() + releaseFile)
		if _, err := ring.open(kept, address, now); err == nil {
			last = kept
		}
	}
	next := held{published: f.held.published}
	if next.signed, err = signed(ctx, f.from, last); err != nil {
		return held{}, err
	}
	if next.release, err = ring.open(next.signed, address, now); err != nil {
		return held{}, err
	}
	if err := next.release.check(now, f.config.IgnoreValidUntil, next.signed.where); err != nil {
		return held{}, err
	}
	next.release.noteSuite(f.source)
	return next, f.readIndexes(ctx, &next)
}

func (f *Feed) merge(next *held) {
	total := 0
	for _, x := range next.indexes {
		total += len(x.records)
	}
	next.records = make([]record, 0, total)
	next.digests = make(map[catalog.PatchID]integrity.Digest, total)
	next.rejected = next.release.notes
	for _, missing := range next.missing {
		next.rejected.Add(missing, "the repository has no such package list")
	}
	for _, x := range next.indexes {
		next.rejected.Join(x.rejected)
		for _, r := range x.records {
			sum, twice := next.digests[r.id]
			switch {
			case !twice:
				next.digests[r.id] = r.digest
				next.records = append(next.records, r)
			case sum != r.digest:
				next.rejected.Add("patch "+string(r.id), "the same version is listed twice with different digests: the first one counts")
			}
		}
	}
	if len(next.indexes) == 1 && len(next.records) == total {
		next.records = next.indexes[0].records // one copy is enough
	}
	next.published = f.publishing(next)
}

// publishing notes when patches appeared: the Date of the Release file of the
// first state that lists them. What the very first state lists may be of any
// age and gets no time.
func (f *Feed) publishing(next *held) map[catalog.PatchID]time.Time {
	published := map[catalog.PatchID]time.Time{}
	for id, at := range next.published {
		if _, still := next.digests[id]; still {
			published[id] = at
		}
	}
	if !f.held.given || next.release.date.IsZero() {
		return published
	}
	for _, r := range next.records {
		if _, before := f.held.digests[r.id]; !before {
			published[r.id] = next.release.date
		}
	}
	return published
}

func (f *Feed) header(now time.Time) catalog.Batch {
	r := f.held.release
	return catalog.Batch{
		Feed: f.id, At: now, Local: strings.HasPrefix(f.source.uri, "file:"),
		Authority: f.source.authority(r.vouching(), f.config.Dir), Names: []string{"deb/" + r.Channel() + "/"},
		Dated: r.date, MaxAge: cmp.Or(f.source.maxAge, f.config.MaxAge),
	}
}

func (f *Feed) batch(now time.Time) catalog.Batch {
	h := &f.held
	b := f.header(now)
	channel, vendor := h.release.Channel(), h.release.Origin
	if !repository.Showable(vendor) {
		vendor = ""
	}
	b.Patches = make([]catalog.Patch, 0, len(h.records)-len(h.view.hidden))
	products := make(map[catalog.ProductID]bool, len(h.records))
	b.Rejected = h.rejected.List(f.id)
	for _, r := range h.records {
		if first, hidden := h.view.hidden[r.id]; hidden {
			if first != "" {
				b.Rejected = append(b.Rejected, catalog.Rejected{Feed: f.id, Record: "patch " + string(r.id), Reasons: []string{
					fmt.Sprintf("feed %s lists the same version with a different digest: that one counts", first)}})
			}
			continue
		}
		if !products[r.product] {
			products[r.product] = true
			b.Products = append(b.Products, r.listed(channel, vendor, h.release.Ecosystem()))
		}
		p := r.patch(f.source)
		p.Published = h.published[r.id]
		if h.view.security[r.id] {
			p.Class = catalog.Security
		}
		b.Patches = append(b.Patches, p)
	}
	return b
}

// signedRelease is a Release file with its signature, as it came.
type signedRelease struct {
	text       []byte
	detached   []byte           // content of Release.gpg; nil: text is an InRelease file
	where      string           // address, for errors
	validators fetch.Validators // of InRelease
}

// origin is the source of a feed's files: a repository, or a directory of
// downloaded lists.
type origin interface {
	// where returns the address or name of the file with this path in the
	// Release file.
	where(path string) string
	// read returns a Release file or its signature, or fetch.ErrNotModified.
	read(ctx context.Context, name string, have fetch.Validators) ([]byte, fetch.Validators, error)
	// open returns the package list at path. Rel promises the sizes and digests
	// of its forms.
	open(ctx context.Context, path string, rel release) (packed, error)
}
