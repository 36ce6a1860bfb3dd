package authenticode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf16"

	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

type directory []entry

// Kinds of entries.
const (
	kindStorage = 1
	kindStream  = 2
	kindRoot    = 5
)

type entry struct {
	name               []byte // UTF-16, with the zero that ends it
	kind               byte
	left, right, child uint32
	clsid              []byte
	state              []byte // bits
	times              []byte // created and modified
	start              uint32 // first sector
	size               int64
	sizeBytes          []byte // the low four bytes, as in the file
	children           []uint32
}

func (e entry) text() string {
	return fmt.Sprintf("%q", utf16Text(binary.LittleEndian, e.name[:max(0, len(e.name)-2)]))
}

func utf16Text(order binary.ByteOrder, b []byte) string {
	var units []uint16
	for ; len(b) > 1; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units))
}

func (c *compound) readDirectory(first uint32) error {
	list, err := c.chain(first, -1)
	if err != nil {
		return err
	}
	if n := len(list) * (1 << c.shift / entrySize); n > MaxEntries {
		return cms.Unsupported("the compound file's directory has room for %d entries; at most %d are allowed", n, MaxEntries)
	}
	for _, n := range list {
		sector, err := c.bytes(c.at(n), 1<<c.shift)
		if err != nil {
			return err
		}
		for e := range slices.Chunk(sector, entrySize) {
			c.directory = append(c.directory, c.parseEntry(e))
		}
	}
	if len(c.directory) == 0 || c.directory[0].kind != kindRoot {
		return cms.Broken("the compound file's directory has no root")
	}
	return c.directory.build()
}

func (c *compound) parseEntry(b []byte) entry {
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	e := entry{
		kind: b[66], left: u32(68), right: u32(72), child: u32(76), clsid: b[80:96], state: b[96:100], times: b[100:116],
		start: u32(116), size: int64(u32(120)), sizeBytes: b[120:124],
	}
	if c.shift > 9 { // version 3 does not use the upper half
		e.size |= int64(u32(124)) << 32
	}
	if n := int(binary.LittleEndian.Uint16(b[64:])); n >= 2 && n <= 64 && n%2 == 0 {
		e.name = b[:n]
	}
	return e
}

// nameRoot is the only valid name of the root.
var nameRoot = utf16Name("Root Entry")

// build finds the children of every storage. Each entry is used once, so cycles are detected.
func (d directory) build() error {
	root := d[0]
	if !bytes.Equal(root.name, nameRoot) || root.left != noEntry || root.right != noEntry || len(bytes.Trim(root.times[:8], "\x00")) > 0 {
		return cms.Broken("the root of the compound file's directory has another name, siblings, or a time when it was made")
	}
	taken := newBitmap(uint32(len(d)))
	taken.set(0)
	type storage struct {
		at    uint32
		depth int
	}
	for todo := []storage{{0, 0}}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.depth > MaxDepth {
			return cms.Unsupported("the compound file has storages in storages in storages, more than %d deep", MaxDepth)
		}
		names := map[string]bool{}
		for siblings := []uint32{d[s.at].child}; len(siblings) > 0; {
			n := siblings[len(siblings)-1]
			siblings = siblings[:len(siblings)-1]
			if n == noEntry {
				continue
			}
			if n >= uint32(len(d)) || taken.has(n) {
				return cms.Broken("the compound file's directory names entry %d, which is missing or in it twice", n)
			}
			taken.set(n)
			e := d[n]
			switch {
			case e.name == nil || e.kind != kindStorage && e.kind != kindStream || e.size < 0:
				return cms.Broken("entry %d of the compound file's directory has no name, kind or size", n)
			case e.kind == kindStream && e.child != noEntry:
				return cms.Broken("the stream %s of the compound file has children", e.text())
			case names[string(e.name)]:
				return cms.Broken("the compound file's directory has two entries %s", e.text())
			}
			names[string(e.name)] = true
			d[s.at].children = append(d[s.at].children, n)
			siblings = append(siblings, e.left, e.right)
			if e.kind == kindStorage {
				todo = append(todo, storage{n, s.depth + 1})
			}
		}
		// Signatures are over the streams in the order of their names' bytes.
		slices.SortFunc(d[s.at].children, func(a, b uint32) int {
			return bytes.Compare(d[a].name, d[b].name)
		})
	}
	return nil
}
