package authenticode

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// sparse is a file of any size: pieces of content, and zeros between them.
type sparse struct {
	size   int64
	pieces []piece
}

type piece struct {
	off int64
	b   []byte
}

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), s.size-off))
	if n <= 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	for _, x := range s.pieces {
		if begin, end := max(off, x.off), min(off+int64(n), x.off+int64(len(x.b))); begin < end {
			copy(p[begin-off:], x.b[begin-x.off:end-x.off])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s sparse) bytes() []byte {
	b := make([]byte, s.size)
	s.ReadAt(b, 0)
	return b
}

// sealed signs a file: place puts a signature into it, whose size, which may
// vary by a few bytes, no digest depends on.
func sealed(t testing.TB, format integrity.Format, f forgery, place func(blob []byte) sparse) sparse {
	t.Helper()
	alg := integrity.SHA256
	f.content = indirectData(format, alg, make([]byte, alg.Size()))
	file := place(f.signedData(t))
	layout, err := open(file, file.size)
	require.NoError(t, err)
	sums, err := layout.digest([]integrity.Algorithm{alg})
	require.NoError(t, err)
	f.content = indirectData(format, alg, sums[alg])
	return place(f.signedData(t))
}

// placePE returns a place for sealed: a program whose only section has the size.
func placePE(size int64) func([]byte) sparse {
	return func(blob []byte) sparse {
		head := program(nil)
		end := int64(len(head)) + (size+7)&^7
		table := make([]byte, (certificateHeader+len(blob)+7)&^7)
		binary.LittleEndian.PutUint32(table, uint32(certificateHeader+len(blob)))
		binary.LittleEndian.PutUint16(table[4:], certificateRevision2)
		binary.LittleEndian.PutUint16(table[6:], certificateSignedData)
		copy(table[certificateHeader:], blob)
		at := 0x80 + peFileHeader + 112 + 8*peSecurity
		binary.LittleEndian.PutUint32(head[at:], uint32(end))
		binary.LittleEndian.PutUint32(head[at+4:], uint32(len(table)))
		return sparse{end + int64(len(table)), []piece{{0, head}, {end, table}}}
	}
}

// placeCAB returns a place for sealed: a cabinet with no folders and so many bytes of nothing.
func placeCAB(size int64) func([]byte) sparse {
	return func(blob []byte) sparse {
		h := make([]byte, cabSigned)
		copy(h, magicCabinet)
		le := binary.LittleEndian
		at := cabSigned + size
		le.PutUint32(h[8:], uint32(at))
		le.PutUint32(h[16:], cabSigned)
		h[24], h[25] = 3, 1
		le.PutUint16(h[30:], cabFlagReserve)
		le.PutUint32(h[36:], cabReserve)
		le.PutUint32(h[40:], cabMark)
		le.PutUint32(h[44:], uint32(at))
		le.PutUint32(h[48:], uint32(len(blob)))
		return sparse{at + int64(len(blob)), []piece{{0, h}, {at, blob}}}
	}
}

// placeMSI returns a place for sealed: a package with a large stream, two small
// ones, and a storage.
func placeMSI(size int64, shift int) func([]byte) sparse {
	return func(blob []byte) sparse {
		return compoundFile(shift, []file{
			{name: "\x05DigitalSignature", content: blob}, {name: "Small", content: []byte("small")},
			{name: "Table", content: bytes.Repeat([]byte("row"), 1000)}, {name: "Large", size: size},
		})
	}
}

// file is a stream; what of its size the content lacks is zeros.
type file struct {
	name    string
	content []byte
	size    int64
}

// compoundFile makes a compound file with streams in its root.
func compoundFile(shift int, streams []file) sparse {
	sector := int64(1) << shift
	sectors := func(n int64) int64 { return (n + sector - 1) / sector }
	le := binary.LittleEndian
	var mini, miniFAT []byte
	var fat []byte
	var pieces []piece
	next := uint32(0)
	put := func(content []byte, size int64) uint32 { // a chain of sectors that follow each other
		first, n := next, sectors(size)
		if n == 0 {
			return endOfChain
		}
		if len(content) > 0 {
			pieces = append(pieces, piece{int64(first+1) << shift, content})
		}
		for i := range n - 1 {
			fat = le.AppendUint32(fat, first+uint32(i)+1)
		}
		fat = le.AppendUint32(fat, endOfChain)
		next += uint32(n)
		return first
	}
	entries := make([]byte, entrySize*(1+len(streams)))
	entry := func(i int, name string, kind byte, child, right, start uint32, size int64) {
		e := entries[i*entrySize:]
		units := utf16.Encode([]rune(name))
		for j, u := range units {
			le.PutUint16(e[2*j:], u)
		}
		le.PutUint16(e[64:], uint16(2*len(units)+2))
		e[66], e[67] = kind, 1
		le.PutUint32(e[68:], noEntry)
		le.PutUint32(e[72:], right)
		le.PutUint32(e[76:], child)
		le.PutUint32(e[116:], start)
		le.PutUint64(e[120:], uint64(size))
	}
	for i, s := range streams {
		s.size = max(s.size, int64(len(s.content)))
		right := uint32(i + 2)
		if i == len(streams)-1 {
			right = noEntry
		}
		start := uint32(endOfChain)
		switch {
		case s.size >= miniCutoff:
			start = put(s.content, s.size)
		case s.size > 0:
			start = uint32(len(mini) >> miniShift)
			mini = append(mini, append(s.content, make([]byte, s.size-int64(len(s.content)))...)...)
			for len(mini)%(1<<miniShift) > 0 {
				mini = append(mini, 0)
			}
			for n := uint32(len(mini)>>miniShift) - start; n > 1; n-- {
				miniFAT = le.AppendUint32(miniFAT, uint32(len(miniFAT)/4+1))
			}
			miniFAT = le.AppendUint32(miniFAT, endOfChain)
		}
		entry(i+1, s.name, kindStream, noEntry, right, start, s.size)
	}
	entry(0, "Root Entry", kindRoot, 1, noEntry, put(mini, int64(len(mini))), int64(len(mini)))
	copy(entries[80:], append([]byte{0x84}, classInstaller...))
	for int64(len(entries))%sector > 0 {
		entries = append(entries, 0)
	}
	directory := put(entries, int64(len(entries)))
	for int64(len(miniFAT))%sector > 0 {
		miniFAT = le.AppendUint32(miniFAT, freeSector)
	}
	miniTable := put(miniFAT, int64(len(miniFAT)))

	// The table covers itself and the list of its sectors.
	perSector := sector / 4
	tables, lists := int64(0), int64(0)
	for need := int64(1); need != tables; {
		tables = need
		lists = max(0, int64(math.Ceil(float64(tables-headerFATs)/float64(perSector-1))))
		need = sectors(4 * (int64(next) + tables + lists))
	}
	var names []uint32
	for range tables {
		fat = le.AppendUint32(fat, 0xfffffffd)
		names = append(names, next)
		next++
	}
	firstList := uint32(endOfChain)
	h := bytes.Repeat([]byte{0xff}, compoundHeader)
	clear(h[:headerFAT])
	for i, n := range names[:min(len(names), headerFATs)] {
		le.PutUint32(h[headerFAT+4*i:], n)
	}
	if lists > 0 {
		firstList = next
		left := names[headerFATs:]
		for i := range lists {
			b := bytes.Repeat([]byte{0xff}, int(sector))
			k := min(len(left), int(perSector-1))
			for j, n := range left[:k] {
				le.PutUint32(b[4*j:], n)
			}
			left = left[k:]
			link := uint32(endOfChain)
			if i < lists-1 {
				link = next + 1
			}
			le.PutUint32(b[sector-4:], link)
			pieces = append(pieces, piece{int64(next+1) << shift, b})
			fat = le.AppendUint32(fat, 0xfffffffc)
			next++
		}
	}
	for int64(len(fat)) < tables*sector {
		fat = le.AppendUint32(fat, freeSector)
	}
	pieces = append(pieces, piece{int64(names[0]+1) << shift, fat})
	copy(h, magicCompound)
	version := uint16(3)
	if shift == 12 {
		version = 4
	}
	for at, v := range map[int]uint16{24: 0x3e, 26: version, 28: 0xfffe, 30: uint16(shift), 32: miniShift} {
		le.PutUint16(h[at:], v)
	}
	for at, v := range map[int]uint32{44: uint32(tables), 48: directory, 56: miniCutoff, 60: miniTable, 64: uint32(sectors(int64(len(miniFAT)))),
		68: firstList, 72: uint32(lists)} {
		le.PutUint32(h[at:], v)
	}
	pieces = append(pieces, piece{0, h})
	return sparse{int64(next+1) << shift, pieces}
}

// places are the formats' places, for content of the size.
func places(size int64) map[integrity.Format]func([]byte) sparse {
	return map[integrity.Format]func([]byte) sparse{integrity.PE: placePE(size), integrity.MSI: placeMSI(size, 9), integrity.CAB: placeCAB(size)}
}
