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
	"sync"
)

// Piece is a part of a stored snapshot.
type Piece struct {
	Name string // pieces with equal data have the same name, in any two snapshots; other pieces have different names
	Data []byte // nil: the store has it
}

const (
	pieceRecords = 256     // how many records a piece has on average
	maxPiece     = 1 << 20 // bytes of the records of a piece, without those of the last one
)

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

// encoder makes pieces of records.
type encoder struct {
	has     func(name string) bool
	lines   bytes.Buffer // of the present piece
	records int
	json    *json.Encoder
	pieces  []Piece
	err     error
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

// zips are writers to use again: a new one clears more than half a megabyte,
// and most syncs change one small piece.
var zips = sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }}

func (e *encoder) packed() ([]byte, error) {
	zip := zips.Get().(*gzip.Writer)
	defer zips.Put(zip)
	var out bytes.Buffer
	zip.Reset(&out)
	_, err := zip.Write(e.lines.Bytes())
	err = cmp.Or(err, zip.Close())
	return out.Bytes(), err
}
