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

// packers are reused: one takes a megabyte, far more than a small catalog.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// Encode writes the snapshot with everything that Sync needs to continue: feed
// health, owners, deprecations and custom URLs included.
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
	put(encodedHeader{encodingFormat, s.id, s.at, len(s.feeds), len(s.owners), len(s.products), len(s.patches), len(s.custom)})
	for _, f := range s.feeds {
		put(f)
	}
	for _, o := range s.owners {
		put(o)
	}
	for _, p := range s.products {
		put(encodedProduct{s.feeds[p.feed].Feed, p.Product})
	}
	for _, p := range s.patches {
		put(encodedPatch{s.feeds[p.feed].Feed, p.deprecated, p.Patch})
	}
	for _, u := range s.custom {
		put(u)
	}
	return err
}
