package authenticode

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// A compound file is a file system in a file: sectors, a table (FAT) that links them to chains, a
// directory of storages and streams, and one chain, the mini stream, that holds small streams in
// sectors of 64 bytes with a table of their own. Each sector is used at most once, so a hostile
// file cannot take longer to read than its size.

const (
	compoundHeader = 512
	headerFAT      = 76  // where the header lists the first sectors of the table
	headerFATs     = 109 // so many
	miniShift      = 6
	miniCutoff     = 4096 // smaller streams are in the mini stream
	entrySize      = 128
	endOfChain     = 0xfffffffe
	freeSector     = 0xffffffff
	noEntry        = 0xffffffff
	rangeLock      = 0x7fffff00 // the sector of this byte is never used; programs lock it
)

type compound struct {
	source
	shift   int     // a sector has 1<<shift bytes
	sectors uint32  // of the file, the last one perhaps cut short
	fat     sectors // the table
	used    bitmap  // sectors that were taken

	mini      sectors // the mini stream
	miniSize  int64
	miniFAT   sectors // its table
	miniUsed  bitmap
	directory directory
}

// sectors is a list of sectors. The one that was read last is cached.
type sectors struct {
	list []uint32
	page []byte
	at   int // index of what is in page, -1: nothing
}

type bitmap []uint64

func newBitmap(n uint32) bitmap { return make(bitmap, (uint64(n)+63)/64) }

func (b bitmap) has(i uint32) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitmap) set(i uint32) { b[i/64] |= 1 << (i % 64) }

func openCompound(s source) (*compound, error) {
	h, err := s.bytes(0, compoundHeader)
	if err != nil {
		return nil, err
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(h[at:]) }
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(h[at:]) }
	version, shift := u16(26), u16(30) // version 3 does not count the directory's sectors
	if !(version == 3 && shift == 9 && u32(40) == 0 || version == 4 && shift == 12) || u16(28) != 0xfffe || u16(32) != miniShift || u32(56) != miniCutoff {
		return nil, cms.Unsupported("the compound file is of an unknown kind: version %d, sectors of 1<<%d bytes", version, shift)
	}
	none := func() sectors { return sectors{page: make([]byte, 1<<shift), at: -1} }
	c := &compound{source: s, shift: int(shift), fat: none(), mini: none(), miniFAT: none()}
	count := (s.size - 1) >> shift // the header has the place of one
	if count < 1 || count >= endOfChain-16 {
		return nil, errCut
	}
	c.sectors = uint32(count)
	c.used = newBitmap(c.sectors)
	if err := c.readFAT(h, u32(44), u32(68), u32(72)); err != nil {
		return nil, err
	}
	if err := c.readDirectory(u32(48)); err != nil {
		return nil, err
	}
	return c, c.readMini(u32(60), u32(64))
}

// take marks a sector as used.
func (c *compound) take(n uint32) error {
	switch {
	case n >= c.sectors:
		return cms.Broken("the compound file names sector %d of %d", n, c.sectors)
	case c.used.has(n):
		return cms.Broken("the compound file uses sector %d twice", n)
	}
	c.used.set(n)
	return nil
}

func (c *compound) at(n uint32) int64 { return (int64(n) + 1) << c.shift }

// readFAT finds the sectors of the table: 109 are in the header, the others in a chain of
// sectors.
func (c *compound) readFAT(h []byte, count, next, more uint32) error {
	perSector := uint32(1) << (c.shift - 2)
	if need := (uint64(c.sectors) + uint64(perSector) - 1) / uint64(perSector); uint64(count) < need {
		return cms.Broken("the compound file's table covers %d sectors, and the file has %d", uint64(count)*uint64(perSector), c.sectors)
	}
	if count > c.sectors {
		return cms.Broken("the compound file's table has %d sectors, and the file %d", count, c.sectors)
	}
	name := func(n uint32) error {
		if uint32(len(c.fat.list)) == count {
			if n != freeSector {
				return cms.Broken("the compound file names more sectors of its table than the %d it says it has", count)
			}
			return nil
		}
		c.fat.list = append(c.fat.list, n)
		return c.take(n)
	}
	for i := range headerFATs {
		if err := name(binary.LittleEndian.Uint32(h[headerFAT+4*i:])); err != nil {
			return err
		}
	}
	for ; more > 0; more-- {
		if err := c.take(next); err != nil {
			return err
		}
		list, err := c.bytes(c.at(next), 1<<c.shift)
		if err != nil {
			return err
		}
		for i := range perSector - 1 {
			if err := name(binary.LittleEndian.Uint32(list[4*i:])); err != nil {
				return err
			}
		}
		next = binary.LittleEndian.Uint32(list[4*(perSector-1):])
	}
	if next != endOfChain && next != freeSector {
		return cms.Broken("the compound file has more lists of the sectors of its table than it says")
	}
	if uint32(len(c.fat.list)) != count {
		return cms.Broken("the compound file names %d sectors of its table and says it has %d", len(c.fat.list), count)
	}
	return nil
}

// next returns the sector that follows n in a table.
func (c *compound) next(table *sectors, n uint32) (uint32, error) {
	i, j := int(n>>(c.shift-2)), n&(1<<(c.shift-2)-1)
	if i >= len(table.list) {
		return 0, cms.Broken("the compound file's table does not cover sector %d", n)
	}
	page, err := c.sector(table, i)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(page[4*j:]), nil
}

// sector returns one whole sector of a list. It is valid until the next call.
func (c *compound) sector(from *sectors, i int) ([]byte, error) {
	if from.at != i {
		from.at = -1
		at := c.at(from.list[i])
		if at+int64(len(from.page)) > c.size {
			return nil, errCut
		}
		if err := c.fill(from.page, at); err != nil {
			return nil, err
		}
		from.at = i
	}
	return from.page, nil
}

// chain lists the sectors of a chain, which must have n; n<0: any number.
func (c *compound) chain(first uint32, n int64) (list []uint32, err error) {
	for first != endOfChain {
		if n >= 0 && int64(len(list)) == n {
			return nil, cms.Broken("a chain of sectors is longer than the %d it should have", n)
		}
		if err := c.take(first); err != nil {
			return nil, err
		}
		list = append(list, first)
		if first, err = c.next(&c.fat, first); err != nil {
			return nil, err
		}
	}
	if n >= 0 && int64(len(list)) != n {
		return nil, cms.Broken("a chain has %d sectors and should have %d", len(list), n)
	}
	return list, nil
}

func (c *compound) readMini(first, count uint32) (err error) {
	root := c.directory[0]
	c.miniSize = root.size
	if c.miniSize < 0 || c.miniSize > c.size {
		return cms.Broken("the compound file's mini stream says it has %d bytes, in a file of %d", c.miniSize, c.size)
	}
	start := root.start
	if c.miniSize == 0 {
		start = endOfChain // some writers leave any value here
	}
	if c.mini.list, err = c.chain(start, (c.miniSize+1<<c.shift-1)>>c.shift); err != nil {
		return err
	}
	if count == 0 {
		first = endOfChain
	}
	if c.miniFAT.list, err = c.chain(first, int64(count)); err != nil {
		return err
	}
	c.miniUsed = newBitmap(uint32((c.miniSize + 1<<miniShift - 1) >> miniShift))
	return nil
}

// stream writes the content of a stream. Adjacent sectors are read at once.
func (c *compound) stream(w io.Writer, e entry, block []byte) error {
	if e.size < miniCutoff {
		return c.miniStream(w, e)
	}
	left, n := e.size, e.start
	for left > 0 {
		begin, run := n, int64(0)
		for {
			if err := c.take(n); err != nil {
				return err
			}
			run += 1 << c.shift
			next, err := c.next(&c.fat, n)
			if err != nil {
				return err
			}
			follows := next == n+1
			n = next
			if !follows || run >= left || run+1<<c.shift > int64(len(block)) {
				break
			}
		}
		piece := block[:min(run, left)]
		if c.at(begin)+int64(len(piece)) > c.size {
			return errCut
		}
		if err := c.fill(piece, c.at(begin)); err != nil {
			return err
		}
		w.Write(piece)
		left -= int64(len(piece))
		if left > 0 && n >= c.sectors {
			return cms.Broken("the stream %s ends %d bytes too early", e.text(), left)
		}
	}
	if n != endOfChain {
		return cms.Broken("the stream %s has more sectors than its %d bytes need", e.text(), e.size)
	}
	return nil
}

// miniStream writes the content of a stream in the mini stream.
func (c *compound) miniStream(w io.Writer, e entry) error {
	n := e.start
	perSector := uint32(1) << (c.shift - miniShift)
	for left := e.size; left > 0; {
		if int64(n)<<miniShift >= c.miniSize || c.miniUsed.has(n) {
			return cms.Broken("the stream %s names a part of the mini stream that is missing or taken, %d", e.text(), n)
		}
		c.miniUsed.set(n)
		block, err := c.sector(&c.mini, int(n/perSector))
		if err != nil {
			return err
		}
		at := int64(n%perSector) << miniShift
		k := min(left, 1<<miniShift)
		w.Write(block[at : at+k])
		left -= k
		if n, err = c.next(&c.miniFAT, n); err != nil {
			return err
		}
	}
	if e.size > 0 && n != endOfChain {
		return cms.Broken("the stream %s has more parts of the mini stream than its %d bytes need", e.text(), e.size)
	}
	return nil
}

func (c *compound) read(e entry, limit int64) ([]byte, error) {
	if e.size > limit {
		return nil, cms.Unsupported("the stream %s has %d bytes; at most %d are allowed", e.text(), e.size, limit)
	}
	if e.size > c.size {
		return nil, cms.Broken("the stream %s says it has %d bytes, in a file of %d", e.text(), e.size, c.size)
	}
	var b bytes.Buffer
	b.Grow(int(e.size))
	err := c.stream(&b, e, make([]byte, 1<<c.shift))
	return b.Bytes(), err
}

// unused requires every unused sector to be marked free, and everything after the last used one
// to be whole sectors of zeros: no signature covers what a file hides there. Free sectors between
// others may hold anything; installers leave old content there.
func (c *compound) unused() error {
	last := uint32(0)
	for n := range c.sectors {
		if c.used.has(n) {
			last = n
			continue
		}
		if c.at(n) <= rangeLock && rangeLock < c.at(n)+1<<c.shift {
			continue
		}
		next, err := c.next(&c.fat, n)
		if err != nil {
			return err
		}
		if next != freeSector {
			return cms.Broken("sector %d of the compound file belongs to nothing in it", n)
		}
	}
	if last == c.sectors-1 {
		return nil
	}
	if c.size&(1<<c.shift-1) != 0 {
		return cms.Broken("there are bytes after the package's last sector")
	}
	for n := last + 1; n < c.sectors; n++ {
		if err := c.fill(c.fat.page, c.at(n)); err != nil {
			return err
		}
		if len(bytes.Trim(c.fat.page, "\x00")) > 0 {
			return cms.Broken("there is something after the last sector that the package uses, %d", last)
		}
	}
	return nil
}
