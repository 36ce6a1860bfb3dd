package openpgp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A package is a lead of 96 bytes, a header with signatures that is padded to 8 bytes, the header, and the payload. A header
// is 16 bytes (magic, number of entries, bytes of data), the entries of 16 bytes (tag, type, offset into the data, count),
// and the data. Since format 4 its first entry is its region: it says how many of the entries, and how much of the data,
// rpm keeps as they are.
const (
	leadMagic   = "\xed\xab\xee\xdb"
	leadSize    = 96
	headerMagic = "\x8e\xad\xe8\x01\x00\x00\x00\x00"
	introSize   = 16
	entrySize   = 16
)

// The tags of headers that matter here.
const (
	tagHeaderImage      = 61 // what old signing programs call the region in its trailer
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

	tagFileSignatures   = 274 // of the kernel's IMA, over each file
	tagVeritySignatures = 276 // of fs-verity, over each file
	tagPGP5             = 1006

	tagPayloadDigest    = 5092
	tagPayloadAlgorithm = 5093
	tagPayloadPlain     = 5097 // digest of the payload when it is not compressed
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
	region     bool  // it has one: format 4
	values     map[uint32]rpmValue
	unjudged   uint32 // a tag with signatures of a kind that is not judged; zero: none
}

// rpmValue is the value of one tag.
type rpmValue struct {
	kind  uint32
	count uint32
	data  []byte // of strings: all of them, each with its NUL
}

// readRPMHeader reads the header that starts at offset start of a file of that size, and keeps the values of the wanted
// tags. Region is the tag that the first entry has, if there is a region.
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
	data := start + introSize + int64(count)*entrySize
	h := &rpmHeader{start: start, end: data + length, values: map[uint32]rpmValue{}}
	switch {
	case count == 0 || count > maxEntries:
		return nil, fmt.Errorf("a header has %d entries; at most %d", count, maxEntries)
	case h.end > size:
		return nil, errRPMCut
	case length > MaxRPMHeader:
		return nil, notJudged("a header has %d bytes of data; at most %d", length, MaxRPMHeader)
	}
	r := &rpmEntries{content: content, header: h, data: data, length: length, region: region, count: count, wanted: wanted}
	return h, feed(r, content, start+introSize, int64(count)*entrySize)
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
	trailer      int64 // where in the data the region's trailer starts, if there is one
	started      bool
	last         int64  // where the last entry's data ended
	window       []byte // a part of the data, read ahead
	windowAt     int64  // where in the data it starts
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
	first := !r.started
	r.started = true
	if first && tag == r.region {
		return r.addRegion(tag, kind, offset, count)
	}
	if int32(tag) < minTag || kind == 0 || kind >= uint32(len(typeSizes)) || count == 0 || kind == typeString && count != 1 || kind != typeBinary && count > maxArray {
		return fmt.Errorf("the entry of tag %d has type %d and count %d", tag, kind, count)
	}
	unit := typeSizes[kind]
	size := unit * int64(count)
	if offset < r.last || offset%unit != 0 || !r.fits(offset, size) {
		return fmt.Errorf("the data of tag %d is not where it has to be", tag)
	}
	if kind == typeString || kind == typeStringArray || kind == typeI18N {
		var err error
		if size, err = r.textSize(offset, count); err != nil {
			return err
		}
		if size == 0 || !r.fits(offset, size) {
			return fmt.Errorf("the text of tag %d does not end", tag)
		}
	}
	r.last = offset + size
	if r.region == tagHeaderSignatures && slices.Contains([]uint32{tagFileSignatures, tagVeritySignatures, tagPGP5}, tag) {
		r.header.unjudged = tag
	}
	if !slices.Contains(r.wanted, tag) {
		return nil
	}
	return r.keep(tag, rpmValue{kind: kind, count: count}, offset, size)
}

// fits reports whether there is room for so many bytes at the offset: the region's trailer may not be among them.
func (r *rpmEntries) fits(offset, size int64) bool {
	return offset+size <= r.length && (!r.header.region || offset+size <= r.trailer || offset >= r.trailer+regionSize)
}

// textSize is the size of so many texts with their NULs; zero if they do not end within the data.
func (r *rpmEntries) textSize(offset int64, count uint32) (int64, error) {
	for at := offset; at < r.length; {
		if at < r.windowAt || at >= r.windowAt+int64(len(r.window)) {
			r.windowAt, r.window = at, slices.Grow(r.window[:0], windowSize)[:min(windowSize, r.length-at)]
			if err := readAt(r.content, r.window, r.data+at); err != nil {
				return 0, err
			}
		}
		i := bytes.IndexByte(r.window[at-r.windowAt:], 0)
		if i < 0 {
			at = r.windowAt + int64(len(r.window))
			continue
		}
		at += int64(i) + 1
		if count--; count == 0 {
			return at - offset, nil
		}
	}
	return 0, nil
}

const (
	regionSize = 16
	minTag     = 100       // those below mean something of the header itself; rpm takes tags for signed
	maxArray   = 1<<20 - 1 // values of an entry that is not binary, as in rpm
	windowSize = 16 << 10
)

// addRegion checks the first entry. Its data ends the region: it repeats tag and type, and counts the region's entries
// backwards. In the header nothing may be outside: signatures cover it as a whole, but rpm keeps the region alone. The
// signature header is not signed anyway, and signing servers add entries to it without touching its region.
func (r *rpmEntries) addRegion(tag, kind uint32, offset int64, count uint32) error {
	if kind != typeBinary || count != regionSize || offset+regionSize > r.length {
		return errors.New("the entry of a header's region is broken")
	}
	var trailer, want [regionSize]byte
	if err := readAt(r.content, trailer[:], r.data+offset); err != nil {
		return err
	}
	inside := -int64(int32(binary.BigEndian.Uint32(trailer[8:])))
	if tag == tagHeaderSignatures && binary.BigEndian.Uint32(trailer[:]) == tagHeaderImage {
		tag = tagHeaderImage
	}
	binary.BigEndian.PutUint32(want[:], tag)
	binary.BigEndian.PutUint32(want[4:], typeBinary)
	binary.BigEndian.PutUint32(want[8:], uint32(-inside))
	binary.BigEndian.PutUint32(want[12:], regionSize)
	switch all := int64(r.count) * entrySize; {
	case r.region == tagHeaderImmutable && offset != r.length-regionSize:
		return errors.New("there is data outside the region that is signed")
	case r.region == tagHeaderImmutable && inside != all:
		return errors.New("there are entries outside the region that is signed")
	case trailer != want || inside < 0 || inside > all || inside%entrySize != 0:
		return errors.New("the trailer of a header's region is broken")
	}
	r.header.region, r.trailer = true, offset
	return nil
}

// keep reads a wanted value. One that comes twice is refused, unless both say the same: readers would differ in which they
// take.
func (r *rpmEntries) keep(tag uint32, value rpmValue, offset, size int64) error {
	if size > maxValue {
		return notJudged("tag %d has %d bytes; at most %d", tag, size, maxValue)
	}
	value.data = make([]byte, size)
	if err := readAt(r.content, value.data, r.data+offset); err != nil {
		return err
	}
	other, twice := r.header.values[tag]
	if twice && (other.kind != value.kind || other.count != value.count || !bytes.Equal(other.data, value.data)) {
		return fmt.Errorf("tag %d is there twice", tag)
	}
	r.header.values[tag] = value
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
