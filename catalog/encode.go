package catalog

import (
	"encoding/json"
	"io"
	"slices"
	"time"
)

// The stored form of a snapshot is a gzip stream of lines, each one JSON
// object:
//
//	header   {"format":1,"id":7,"at":"2026-01-02T03:04:05Z","feeds":1,"owners":1,"products":1,"patches":1}
//	feeds    FeedHealth, one per line, by id
//	owners   {"kind":"vendor","name":"acme","authority":"acme.json"}, by kind and name;
//	         "bare": true for some products; "unlisted": ID of the snapshot that no longer lists it
//	products {"feed":ID,"product":Product}, by id
//	patches  {"feed":ID,"deprecated":true,"patch":Patch}, by id, without the customer's URLs
//	custom   CustomURL, one per line, by patch and artifact; "customUrls" in the header is their number
//	facts    {"feed":ID,"vulnerability":Vulnerability}, then {"feed":ID,"advisory":Advisory}, then
//	         {"feed":ID,"lines":LineSet}, each by feed and id; the header has their numbers
//	former   {"product":ID,"authority":"acme","gone":TIME,"patch":Former}, by product,
//	         the newest version first
//
// Equal snapshots have equal lines. Indexes, such as the order by version, are
// built again on reading.
//
// The stream is cut into pieces, and each is a gzip stream of its own. The
// first one is the header and the feeds. Where another one begins depends on
// the ids of the records, so a change of some records changes few pieces.
const encodingFormat = 1

type encodedHeader struct {
	Format   int       `json:"format"`
	ID       uint64    `json:"id"`
	At       time.Time `json:"at,omitzero"`
	Feeds    int       `json:"feeds"`
	Owners   int       `json:"owners,omitempty"`
	Products int       `json:"products"`
	Patches  int       `json:"patches"`
	Custom   int       `json:"customUrls,omitempty"`

	Vulnerabilities int `json:"vulnerabilities,omitempty"`
	Advisories      int `json:"advisories,omitempty"`
	LineSets        int `json:"lineSets,omitempty"`
	Former          int `json:"former,omitempty"`
}

type encodedProduct struct {
	Feed    FeedID  `json:"feed"`
	Product Product `json:"product"`
}

type encodedPatch struct {
	Feed       FeedID `json:"feed"`
	Deprecated bool   `json:"deprecated,omitempty"`
	Patch      Patch  `json:"patch"`
}

type encodedVulnerability struct {
	Feed          FeedID        `json:"feed"`
	Vulnerability Vulnerability `json:"vulnerability"`
}

type encodedAdvisory struct {
	Feed     FeedID   `json:"feed"`
	Advisory Advisory `json:"advisory"`
}

type encodedLines struct {
	Feed  FeedID  `json:"feed"`
	Lines LineSet `json:"lines"`
}

type encodedFormer struct {
	Product   ProductID `json:"product"`
	Authority string    `json:"authority"`
	Gone      time.Time `json:"gone,omitzero"`
	Patch     Former    `json:"patch"`
}

// Pieces cuts what Encode writes into pieces, so that a store writes only what
// changed. Has reports whether the store has a piece of that name; a nil Has
// means that the store has none. The data of the pieces in their order, one
// after the other, is what Decode reads.
func (s *Snapshot) Pieces(has func(name string) bool) ([]Piece, error) {
	s = s.orEmpty()
	e := &encoder{has: has}
	e.json = json.NewEncoder(&e.lines)
	e.json.SetEscapeHTML(false)
	e.put("", s.header())
	for _, f := range s.feeds {
		e.put("", f)
	}
	e.cut()
	if names := s.body.get(); names != nil && has != nil && !slices.ContainsFunc(names, func(name string) bool { return !has(name) }) {
		for _, name := range names {
			e.pieces = append(e.pieces, Piece{Name: name})
		}
		return e.pieces, e.err
	}
	first := len(e.pieces)
	s.encodeBody(e)
	e.cut()
	if e.err == nil {
		s.body.set(e.pieces[first:])
	}
	return e.pieces, e.err
}

// Encode writes the snapshot with everything that Sync needs to continue: feed
// health, owners, deprecations, custom URLs, facts and history included.
func (s *Snapshot) Encode(w io.Writer) error {
	pieces, err := s.Pieces(nil)
	for _, p := range pieces {
		if err == nil {
			_, err = w.Write(p.Data)
		}
	}
	return err
}

func (s *Snapshot) header() encodedHeader {
	h := encodedHeader{
		Format: encodingFormat, ID: s.id, At: s.at, Feeds: len(s.feeds), Owners: len(s.owners), Products: len(s.products), Patches: len(s.patches), Custom: len(s.custom),
	}
	for _, f := range s.facts {
		if f != nil {
			h.Vulnerabilities, h.Advisories, h.LineSets = h.Vulnerabilities+len(f.vulnerabilities), h.Advisories+len(f.advisories), h.LineSets+len(f.sets)
		}
	}
	for _, f := range s.former {
		h.Former += len(f.list)
	}
	return h
}

func (s *Snapshot) encodeBody(e *encoder) {
	for _, o := range s.owners {
		e.put(o.Name, o)
	}
	for i := range s.products {
		p := &s.products[i]
		e.put(string(p.ID), encodedProduct{s.feeds[p.feed].Feed, p.record()})
	}
	for i := range s.patches {
		p := &s.patches[i]
		e.put(string(p.ID), encodedPatch{s.feeds[p.feed].Feed, p.deprecated, p.Patch})
	}
	for _, u := range s.custom {
		e.put(string(u.Patch), u)
	}
	s.encodeFacts(e)
	for _, f := range s.former {
		for _, p := range f.list {
			e.put(string(f.product), encodedFormer{f.product, f.authority, f.gone, p})
		}
	}
}

func (s *Snapshot) encodeFacts(e *encoder) {
	for i, f := range s.facts {
		if f != nil {
			for _, v := range f.vulnerabilities {
				e.put(v.ID, encodedVulnerability{s.feeds[i].Feed, v})
			}
		}
	}
	for i, f := range s.facts {
		if f != nil {
			for _, a := range f.advisories {
				e.put(a.ID, encodedAdvisory{s.feeds[i].Feed, a})
			}
		}
	}
	for i, f := range s.facts {
		if f != nil {
			for _, l := range f.sets {
				e.put(string(l.Product), encodedLines{s.feeds[i].Feed, l})
			}
		}
	}
}
