package catalog

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"io"
	"slices"
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

// Piece is a part of a stored snapshot.
type Piece struct {
	Name string // equal pieces of any two snapshots have one name, and others do not
	Data []byte // nil: the store has it
}

const (
	pieceRecords = 256     // how many records a piece has on average
	maxPiece     = 1 << 20 // bytes of the records of a piece, without those of the last one
)

// Pieces cuts what Encode writes into pieces, so that a store writes only what
// changed. Has says whether the store has a piece of that name; nil: it has
// none. The data of the pieces in their order, one after the other, is what
// Decode reads.
func (s *Snapshot) Pieces(has func(name string) bool) ([]Piece, error) {
	s = s.orEmpty()
	e := newEncoder(has)
	e.put("", encodedHeader{encodingFormat, s.id, s.at, len(s.feeds), len(s.owners), len(s.products), len(s.patches), len(s.custom)})
	for _, f := range s.feeds {
		e.put("", f)
	}
	e.cut()
	if names := s.body.get(); names != nil && has != nil && all(names, has) {
		for _, name := range names {
			e.pieces = append(e.pieces, Piece{Name: name})
		}
		return e.pieces, e.err
	}
	first := len(e.pieces)
	for _, o := range s.owners {
		e.put(o.Name, o)
	}
	for i := range s.products {
		p := &s.products[i]
		e.put(string(p.ID), encodedProduct{s.feeds[p.feed].Feed, p.Product})
	}
	for i := range s.patches {
		p := &s.patches[i]
		e.put(string(p.ID), encodedPatch{s.feeds[p.feed].Feed, p.deprecated, p.Patch})
	}
	for _, u := range s.custom {
		e.put(string(u.Patch), u)
	}
	e.cut()
	if e.err == nil {
		s.body.set(e.pieces[first:])
	}
	return e.pieces, e.err
}

// Encode writes the snapshot with everything that Sync needs to continue: feed
// health, owners, deprecations and custom URLs included.
func (s *Snapshot) Encode(w io.Writer) error {
	pieces, err := s.Pieces(nil)
	for _, p := range pieces {
		if err == nil {
			_, err = w.Write(p.Data)
		}
	}
	return err
}

// bodyNames remembers the names of a snapshot's pieces but the first. Snapshots
// that differ only in their header and feeds share it. It is safe for
// concurrent use.
type bodyNames struct {
	mu    sync.Mutex
	names []string
}

func (b *bodyNames) get() []string {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.names
}

func (b *bodyNames) set(pieces []Piece) {
	if b == nil {
		return
	}
	names := make([]string, len(pieces))
	for i, p := range pieces {
		names[i] = p.Name
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = names
}

func all(names []string, has func(string) bool) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !has(name) })
}

// encoder makes pieces of records.
type encoder struct {
	has     func(name string) bool
	lines   bytes.Buffer // of the present piece
	records int
	json    *json.Encoder
	zip     *gzip.Writer
	pieces  []Piece
	err     error
}

func newEncoder(has func(string) bool) *encoder {
	e := &encoder{has: has}
	e.json = json.NewEncoder(&e.lines)
	e.json.SetEscapeHTML(false)
	return e
}

// put adds a record. The record begins a new piece if the present one is full,
// or if its id says so.
func (e *encoder) put(id string, record any) {
	if e.records > 0 && (crc32.ChecksumIEEE([]byte(id))%pieceRecords == 0 && id != "" || e.records >= 8*pieceRecords || e.lines.Len() >= maxPiece) {
		e.cut()
	}
	if e.err == nil {
		e.err = e.json.Encode(record)
		e.records++
	}
}

// cut ends the present piece.
func (e *encoder) cut() {
	if e.err != nil || e.records == 0 {
		return
	}
	sum := sha256.Sum256(e.lines.Bytes())
	p := Piece{Name: hex.EncodeToString(sum[:16])}
	if e.has == nil || !e.has(p.Name) {
		p.Data, e.err = e.packed()
	}
	e.pieces = append(e.pieces, p)
	e.lines.Reset()
	e.records = 0
}

func (e *encoder) packed() ([]byte, error) {
	var out bytes.Buffer
	if e.zip == nil {
		e.zip = gzip.NewWriter(&out)
	}
	e.zip.Reset(&out)
	_, err := e.zip.Write(e.lines.Bytes())
	err = cmp.Or(err, e.zip.Close())
	return out.Bytes(), err
}
