package catalog

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"sync"
	"time"
)

// The stored form of a snapshot is a gzip stream of lines, each one JSON object:
//
//	header   {"format":1,"id":7,"at":"2026-01-02T03:04:05Z","feeds":1,"products":1,"patches":1}
//	feeds    FeedHealth, one a line, by id
//	products {"product":Product without lines,"offers":[{"feed":ID,"lines":[Line…],"implied":true}]}, by id
//	patches  {"feed":ID,"deprecated":true,"patch":Patch}, by id, without the customer's URLs
//	custom   CustomURL, one a line, by patch and artifact; "customUrls" in the header tells how many, if any
//
// Equal snapshots have equal lines. Order by version and supersedence are derived again on reading.
const encodingFormat = 1

// Bounds of the stored form: on a line, far above what the limits on a record allow; on the whole, unpacked.
const (
	maxEncodedLine = 16 << 20
	maxEncoded     = 4 << 30
)

// maxReserved is the most records for which memory is taken on the header's word alone: some 40 MB.
const maxReserved = 1 << 17

type encodedHeader struct {
	Format   int       `json:"format"`
	ID       uint64    `json:"id"`
	At       time.Time `json:"at,omitzero"`
	Feeds    int       `json:"feeds"`
	Products int       `json:"products"`
	Patches  int       `json:"patches"`
	Custom   int       `json:"customUrls,omitempty"`
}

type encodedProduct struct {
	Product Product        `json:"product"`
	Offers  []encodedOffer `json:"offers"`
}

type encodedOffer struct {
	Feed    FeedID `json:"feed"`
	Lines   []Line `json:"lines,omitempty"`
	Implied bool   `json:"implied,omitempty"`
}

type encodedPatch struct {
	Feed       FeedID `json:"feed"`
	Deprecated bool   `json:"deprecated,omitempty"`
	Patch      Patch  `json:"patch"`
}

// packers are used again: one takes a megabyte, far more than a small catalog.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// Encode writes the snapshot with everything Sync needs to go on from it: feed health, deprecations and custom
// URLs included.
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

func (s *Snapshot) encodeLines(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(encodedHeader{encodingFormat, s.id, s.at, len(s.feeds), len(s.products), len(s.patches), len(s.custom)}); err != nil {
		return err
	}
	for _, f := range s.feeds {
		if err := e.Encode(f); err != nil {
			return err
		}
	}
	offers := s.offers
	for i, p := range s.products {
		record := encodedProduct{Product: p}
		record.Product.Lines = nil
		for len(offers) > 0 && offers[0].product == int32(i) {
			o := offers[0]
			record.Offers = append(record.Offers, encodedOffer{Feed: s.feeds[o.feed].Feed, Lines: o.lines, Implied: o.implied})
			offers = offers[1:]
		}
		if err := e.Encode(record); err != nil {
			return err
		}
	}
	for i := range s.patches {
		st := s.states[i]
		if err := e.Encode(encodedPatch{Feed: s.feeds[st.feed].Feed, Deprecated: st.deprecated, Patch: s.patches[i]}); err != nil {
			return err
		}
	}
	for _, u := range s.custom {
		if err := e.Encode(u); err != nil {
			return err
		}
	}
	return nil
}
