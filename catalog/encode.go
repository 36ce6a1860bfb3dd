package catalog

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"sync"
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
//	         {"feed":ID,"lines":LineSet}, each by feed and id; in the header "vulnerabilities", "advisories", "lineSets"
//	former   {"product":ID,"authority":"acme","gone":TIME,"patch":Former}, by product, the newest version first
//
// Equal snapshots have equal lines. Indexes, such as the order by version, are
// built again on reading.
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

// packers are reused: one takes a megabyte, far more than a small catalog.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// Encode writes the snapshot with everything that Sync needs to continue: feed
// health, owners, deprecations, custom URLs, facts and history included.
func (s *Snapshot) Encode(w io.Writer) error {
	s = s.orEmpty()
	zip := packers.Get().(*gzip.Writer)
	defer packers.Put(zip)
	zip.Reset(w)
	buffer := bufio.NewWriterSize(zip, 1<<16)
	if err := s.encodeLines(buffer); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	return zip.Close()
}

func (s *Snapshot) encodeLines(w io.Writer) (err error) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	put := func(line any) {
		if err == nil {
			err = e.Encode(line)
		}
	}
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
	put(h)
	for _, f := range s.feeds {
		put(f)
	}
	for _, o := range s.owners {
		put(o)
	}
	for _, p := range s.products {
		put(encodedProduct{s.feeds[p.feed].Feed, p.record()})
	}
	for _, p := range s.patches {
		put(encodedPatch{s.feeds[p.feed].Feed, p.deprecated, p.Patch})
	}
	for _, u := range s.custom {
		put(u)
	}
	s.encodeFacts(put)
	for _, f := range s.former {
		for _, p := range f.list {
			put(encodedFormer{f.product, f.authority, f.gone, p})
		}
	}
	return err
}

func (s *Snapshot) encodeFacts(put func(line any)) {
	for i, f := range s.facts {
		if f != nil {
			for _, v := range f.vulnerabilities {
				put(encodedVulnerability{s.feeds[i].Feed, v})
			}
		}
	}
	for i, f := range s.facts {
		if f != nil {
			for _, a := range f.advisories {
				put(encodedAdvisory{s.feeds[i].Feed, a})
			}
		}
	}
	for i, f := range s.facts {
		if f != nil {
			for _, l := range f.sets {
				put(encodedLines{s.feeds[i].Feed, l})
			}
		}
	}
}
