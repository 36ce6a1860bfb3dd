package openpgp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A package (RPM version 4) is a lead of 96 bytes, a header with signatures that is padded to 8 bytes, the header, and the
// payload. A header is 16 bytes (magic, number of entries, bytes of data), the entries of 16 bytes (tag, type, offset into
// the data, count), and the data.
const (
	leadMagic   = "\xed\xab\xee\xdb"
	leadSize    = 96
	headerMagic = "\x8e\xad\xe8\x01\x00\x00\x00\x00"
	introSize   = 16
	entrySize   = 16
)

// The tags of headers that matter here.
const (
	tagHeaderSignatures = 62 // the region of the signature header, and of the other
	tagHeaderImmutable  = 63

	tagDSAHeader    = 267 // over the header: DSA, EdDSA or ECDSA
	tagRSAHeader    = 268 // over the header
	tagSHA1Header   = 269
	tagLongSize     = 270
	tagSHA256Header = 273
	tagOpenPGP      = 278 // over the header, in base64: RPM version 6
	tagSHA3Header   = 279
	tagSize         = 1000 // of header and payload
	tagPGP          = 1002 // over header and payload
	tagGPG          = 1005 // over header and payload

	tagPayloadDigest    = 5092
	tagPayloadAlgorithm = 5093
)

// The types of entries, with their bytes each.
const (
	typeInt32       = 4
	typeInt64       = 5
	typeString      = 6
	typeBinary      = 7
	typeStringArray = 8
	typeI18N        = 9
)

var typeSizes = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 1, 9: 1}

// rpmHeader is a header as far as it matters. All of it was within bounds.
type rpmHeader struct {
	start, end int64 // offsets in the file
	values     map[uint32]rpmValue
}

// rpmValue is the value of one tag.
type rpmValue struct {
	kind  uint32
	count uint32
	data  []byte // of strings: all of them, each with its NUL
}

// readRPMHeader reads the header that starts at offset start of a file of that size, and keeps the values of the wanted tags. Region
// is the tag that has to come first and to tell that all entries belong together, as they are digested.
func readRPMHeader(content io.ReaderAt, size, start int64, region uint32, maxEntries uint32, wanted []uint32) (*rpmHeader, error) {
	var intro [introSize]byte
	if start+introSize > size {
		return nil, errRPMCut
	}
	if err := readAt(content, intro[:], start); err != nil {
		return nil, err
	}
	if string(intro[:8]) != headerMagic {
		return nil, errors.New("there is no header where one has to be")
	}
	count, length := binary.BigEndian.Uint32(intro[8:]), int64(binary.BigEndian.Uint32(intro[12:]))
	if count == 0 || count > maxEntries || length > MaxRPMHeader {
		return nil, fmt.Errorf("a header has %d entries and %d bytes of data; at most %d and %d", count, length, maxEntries, MaxRPMHeader)
	}
	data := start + introSize + int64(count)*entrySize
	h := &rpmHeader{start: start, end: data + length, values: map[uint32]rpmValue{}}
	if h.end > size {
		return nil, errRPMCut
	}
	r := &rpmEntries{content: content, header: h, data: data, length: length, region: region, count: count, wanted: wanted}
	if err := feed(r, content, start+introSize, int64(count)*entrySize); err != nil {
		return nil, err
	}
	return h, nil
}

var errRPMCut = errors.New("the package is cut off within its headers")

// rpmEntries takes a header's entries as they are read.
type rpmEntries struct {
	content      io.ReaderAt
	header       *rpmHeader
	data, length int64 // where the data starts, and its size
	region       uint32
	count        uint32
	wanted       []uint32
	n            int64 // entries seen
	last         int64 // where the last one's data ended at least
}

// Write takes whole entries: the buffer of feed is a multiple of their size.
func (r *rpmEntries) Write(p []byte) (int, error) {
	for entry := range slices.Chunk(p, entrySize) {
		if err := r.add(entry); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (r *rpmEntries) add(entry []byte) error {
	tag, kind := binary.BigEndian.Uint32(entry), binary.BigEndian.Uint32(entry[4:])
	offset, count := int64(binary.BigEndian.Uint32(entry[8:])), binary.BigEndian.Uint32(entry[12:])
	r.n++
	if r.n == 1 {
		return r.addRegion(tag, kind, offset, count)
	}
	if tag < minTag || kind == 0 || int(kind) >= len(typeSizes) || count == 0 || kind == typeString && count != 1 {
		return fmt.Errorf("the entry of tag %d has type %d and count %d", tag, kind, count)
	}
	unit := typeSizes[kind]
	if offset < r.last || offset%unit != 0 || offset+unit*int64(count) > r.length-regionSize {
		return fmt.Errorf("the data of tag %d is not where it has to be", tag)
	}
	r.last = offset + unit*int64(count) // of strings at least that
	if !slices.Contains(r.wanted, tag) {
		return nil
	}
	return r.keep(tag, kind, offset, count)
}

const (
	regionSize = 16
	minTag     = 100 // those below mean something of the header itself
)

// addRegion checks the first entry, whose data is the last: it repeats tag and type, and counts the entries backwards.
func (r *rpmEntries) addRegion(tag, kind uint32, offset int64, count uint32) error {
	if tag != r.region || kind != typeBinary || count != regionSize {
		return errors.New("a header is not of RPM version 4: it does not begin with its region")
	}
	if offset != r.length-regionSize {
		return errors.New("there is data outside the region that is signed")
	}
	var trailer, want [regionSize]byte
	if err := readAt(r.content, trailer[:], r.data+offset); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(want[:], tag)
	binary.BigEndian.PutUint32(want[4:], typeBinary)
	binary.BigEndian.PutUint32(want[8:], -r.count*entrySize)
	binary.BigEndian.PutUint32(want[12:], regionSize)
	if trailer != want {
		return errors.New("there are entries outside the region that is signed")
	}
	return nil
}

// keep reads a wanted value. One that comes twice is refused: readers would differ in which they take.
func (r *rpmEntries) keep(tag, kind uint32, offset int64, count uint32) error {
	if _, twice := r.header.values[tag]; twice {
		return fmt.Errorf("tag %d is there twice", tag)
	}
	size := typeSizes[kind] * int64(count)
	text := kind == typeString || kind == typeStringArray || kind == typeI18N
	if text {
		size = r.length - offset
	}
	data := make([]byte, min(size, maxValue))
	if err := readAt(r.content, data, r.data+offset); err != nil {
		return err
	}
	switch {
	case text:
		end := 0
		for range count {
			i := bytes.IndexByte(data[end:], 0)
			if i < 0 {
				return fmt.Errorf("the text of tag %d does not end", tag)
			}
			end += i + 1
		}
		data = data[:end:end]
		r.last = offset + int64(end)
	case size > maxValue:
		return fmt.Errorf("tag %d has %d bytes; at most %d", tag, size, maxValue)
	}
	r.header.values[tag] = rpmValue{kind, count, data}
	return nil
}

// strings returns the texts of a value; ok is whether it holds such.
func (v rpmValue) strings() (list []string, ok bool) {
	if v.kind != typeString && v.kind != typeStringArray {
		return nil, false
	}
	for text := range bytes.SplitSeq(bytes.TrimSuffix(v.data, []byte{0}), []byte{0}) {
		list = append(list, string(text))
	}
	return list, true
}

// number returns the only number of a value.
func (v rpmValue) number() (n uint64, ok bool) {
	switch {
	case v.count != 1:
		return 0, false
	case v.kind == typeInt32:
		return uint64(binary.BigEndian.Uint32(v.data)), true
	case v.kind == typeInt64:
		return binary.BigEndian.Uint64(v.data), true
	default:
		return 0, false
	}
}
