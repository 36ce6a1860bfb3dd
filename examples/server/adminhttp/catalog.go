package adminhttp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Shown is what the catalog knows under an id. At least one part is set.
type Shown struct {
	Product       *ShownProduct       `json:"product,omitempty"`
	Patch         *ShownPatch         `json:"patch,omitempty"`
	Vulnerability *ShownVulnerability `json:"vulnerability,omitempty"`
}

// ShownProduct is a product with the patches that the catalog has and had.
type ShownProduct struct {
	Product catalog.Product  `json:"product"`
	Newest  catalog.PatchID  `json:"newest,omitempty"` // empty: none
	History []catalog.Former `json:"history"`          // the newest version first
}

// ShownPatch is a patch with what it fixes, whatever version is installed.
type ShownPatch struct {
	Patch     catalog.Patch        `json:"patch"`
	Lifecycle catalog.Lifecycle    `json:"lifecycle"`
	Feed      catalog.FeedID       `json:"feed"`
	Stale     bool                 `json:"stale,omitempty"` // the feed is (CAT-2)
	Fixes     []FixedVulnerability `json:"fixes"`           // by id
}

// FixedVulnerability is a vulnerability and why a patch fixes it.
type FixedVulnerability struct {
	Facts      catalog.Vulnerability `json:"facts"`
	Advisories []string              `json:"advisories,omitempty"` // none: the patch itself names it
}

// ShownVulnerability is what is known of a vulnerability now (CAT-18).
type ShownVulnerability struct {
	Facts   catalog.Vulnerability `json:"facts"`
	Sources []FactSource          `json:"sources"`
	Patches []catalog.PatchID     `json:"patches"`        // that fix it: the first MaxPage by id
	More    int                   `json:"more,omitempty"` // patches that are not listed
}

// FactSource is a feed whose facts count, and as of when.
type FactSource struct {
	Feed     catalog.FeedID `json:"feed"`
	LastGood time.Time      `json:"lastGood"`       // when it was last read
	Dated    time.Time      `json:"dated,omitzero"` // the date that it states; zero: none
}

// EndOfLife is a version line of a product that has ended, or is about to.
type EndOfLife struct {
	Product catalog.ProductID `json:"product"`
	Name    string            `json:"name"`
	Line    catalog.Line      `json:"line"`
	Ended   bool              `json:"ended,omitempty"`
	Assets  int               `json:"assets"` // that have a version of it, by their last inventory
}

// Synced is what a sync changed.
type Synced struct {
	catalog.Changes
	Warnings []string `json:"warnings,omitempty"` // about the settings, one sentence each
}

// SyncState says what the sync that runs does.
type SyncState struct {
	Text string `json:"text,omitempty"` // empty: none runs
}

func pageOf(limit int) error {
	if limit < 1 || limit > controller.MaxPage {
		return &controller.BoundError{What: "page", Have: limit, Limit: controller.MaxPage}
	}
	return nil
}

// search lists the patches with a text in their id, title, CVE ids, or their
// product's id or name, and those that fix the vulnerability of this id.
func (h handler) search(r *http.Request, after string, limit int) (any, error) {
	text := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("text")))
	if text == "" {
		return nil, badRequest{errors.New("text is empty; want a part of an id, a name or a CVE id")}
	}
	snap, err := h.Controller.Snapshot(r.Context())
	if err := cmp.Or(err, pageOf(limit)); err != nil {
		return nil, err
	}
	fixing, found := snap.Fixing(strings.ToUpper(text)), []catalog.Patch{}
	for p := range snap.Patches() {
		if string(p.ID) <= after || len(found) == limit {
			continue
		}
		_, fixes := slices.BinarySearch(fixing, p.ID)
		product, _ := snap.Product(p.Product)
		names := append([]string{string(p.ID), string(p.Product), product.Name, p.Title}, p.CVEs...)
		if fixes || slices.ContainsFunc(names, func(name string) bool { return strings.Contains(strings.ToLower(name), text) }) {
			found = append(found, p)
		}
	}
	return found, nil
}

func (h handler) shown(r *http.Request) (any, error) {
	snap, err := h.Controller.Snapshot(r.Context())
	if err != nil {
		return nil, err
	}
	now, id := time.Now(), r.PathValue("id")
	s := Shown{Vulnerability: showVulnerability(snap, id, now)}
	if s.Vulnerability == nil {
		s.Vulnerability = showVulnerability(snap, strings.ToUpper(id), now)
	}
	if p, found := snap.Product(catalog.ProductID(id)); found {
		newest, _ := snap.Newest(p.ID)
		s.Product = &ShownProduct{p, newest.ID, append([]catalog.Former{}, snap.History(p.ID)...)}
	}
	if p, found := snap.Patch(catalog.PatchID(id)); found {
		feed, _ := snap.FeedOf(p.ID)
		s.Patch = &ShownPatch{p, snap.Lifecycle(p.ID), feed.Feed, feed.Stale(now), fixesOf(snap, p, now)}
	}
	if s == (Shown{}) {
		return nil, &controller.NotFoundError{Kind: "patch, product or vulnerability", ID: id}
	}
	return s, nil
}

func fixesOf(snap *catalog.Snapshot, p catalog.Patch, now time.Time) []FixedVulnerability {
	list, ids, why := []FixedVulnerability{}, slices.Clone(p.CVEs), map[string][]string{}
	for _, a := range snap.Advisories(p.ID) {
		of := a.CVEs
		if len(of) == 0 {
			of = []string{a.ID}
		}
		for _, id := range of {
			ids, why[id] = append(ids, id), append(why[id], a.ID)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		facts, _ := snap.Vulnerability(id, now)
		list = append(list, FixedVulnerability{facts, why[id]})
	}
	return list
}

// showVulnerability returns nil if the catalog knows nothing of it.
func showVulnerability(snap *catalog.Snapshot, id string, now time.Time) *ShownVulnerability {
	facts, sources := snap.Vulnerability(id, now)
	fixing := snap.Fixing(id)
	if len(sources)+len(fixing) == 0 {
		return nil
	}
	v := &ShownVulnerability{Facts: facts, Sources: []FactSource{}, Patches: append([]catalog.PatchID{}, fixing[:min(len(fixing), controller.MaxPage)]...)}
	v.More = len(fixing) - len(v.Patches)
	for _, f := range snap.Feeds() {
		if slices.Contains(sources, f.Feed) {
			v.Sources = append(v.Sources, FactSource{f.Feed, f.LastGood, f.Dated})
		}
	}
	return v
}

// ending lists the version lines that have ended or end within some days, those
// on most assets first. It reads every inventory.
func (h handler) ending(r *http.Request, _ string, limit int) (any, error) {
	days := 0
	if text := r.URL.Query().Get("days"); text != "" {
		var err error
		if days, err = strconv.Atoi(text); err != nil || days < 0 || days > maxDays {
			return nil, badRequest{fmt.Errorf("days is %.40q; want a number from 0 to %d", text, maxDays)}
		}
	}
	snap, err := h.Controller.Snapshot(r.Context())
	if err := cmp.Or(err, pageOf(limit)); err != nil {
		return nil, err
	}
	now := time.Now()
	lines := map[lineKey]*EndOfLife{}
	for p := range snap.Products() {
		for _, line := range p.Lines {
			if line.Ended(now.AddDate(0, 0, days)) {
				lines[lineKey{p.ID, line.Prefix}] = &EndOfLife{Product: p.ID, Name: p.Name, Line: line, Ended: line.Ended(now)}
			}
		}
	}
	if err := h.countLines(r, snap, lines, now); err != nil {
		return nil, err
	}
	list := []EndOfLife{}
	for _, e := range lines {
		list = append(list, *e)
	}
	slices.SortFunc(list, func(a, b EndOfLife) int {
		return cmp.Or(cmp.Compare(b.Assets, a.Assets), cmp.Compare(a.Product, b.Product), cmp.Compare(a.Line.Prefix, b.Line.Prefix))
	})
	return list[:min(len(list), limit)], nil
}

const maxDays = 36500 // a century

type lineKey struct {
	product catalog.ProductID
	prefix  string
}

func (h handler) countLines(r *http.Request, snap *catalog.Snapshot, lines map[lineKey]*EndOfLife, now time.Time) error {
	for after := job.AssetID(""); len(lines) > 0; {
		assets, err := h.Controller.Assets(r.Context(), after, controller.MaxPage, now)
		if err != nil {
			return err
		}
		for _, a := range assets {
			after = a.ID
			inventory, err := h.Controller.Inventory(r.Context(), a.ID)
			if is[*controller.NotFoundError](err) { // none yet
				continue
			}
			if err != nil {
				return err
			}
			for x := range inventory.Installed() {
				p, _ := snap.Product(x.Product)
				line, _ := p.LineOf(x.Version)
				if e := lines[lineKey{p.ID, line.Prefix}]; e != nil {
					e.Assets++
				}
			}
		}
		if len(assets) < controller.MaxPage {
			break
		}
	}
	return nil
}
