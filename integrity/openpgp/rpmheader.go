package openpgp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A package is a lead of 96 bytes, a header with signatures that is padded to 8 bytes, the
// header, and the payload. A header is 16 bytes (magic, number of entries, bytes of data),
// entries of 16 bytes (tag, type, offset into the data, count), and the data. Since format 4 its
// first entry is its region. It says how many of the entries and how much of the data rpm keeps
// unchanged.
const (
	leadMagic   = "\xed\xab\xee\xdb"
	leadSize    = 96
	headerMagic = "\x8e\xad\xe8\x01\x00\x00\x00\x00"
	introSize   = 16
	entrySize   = 16
)

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

const (
	typeInt32       = 4
	typeInt64       = 5
	typeString      = 6
	typeBinary      = 7
	typeStringArray = 8
	typeI18N        = 9
)

var typeSizes = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 1, 9: 1}

// rpmHeader is a header. It is read once, so what is digested is what was parsed.
type rpmHeader struct {
	start    int64 // offset in the file
	raw      []byte
	region   bool // it has one: format 4
	values   map[uint32]rpmValue
	unjudged uint32 // a tag with signatures of a kind that is not judged; zero: none
}

func (h *rpmHeader) end() int64 { return h.start + int64(len(h.raw)) }

// rpmEntry is an entry of a header's index, or the trailer of its region.
type rpmEntry struct{ Tag, Kind, Offset, Count uint32 }

type rpmValue struct {
	kind  uint32
	count uint32
	data  []byte // of strings: all of them, each with its NUL
}

// readRPMHeader reads the header at start and keeps the values of the wanted tags. Region is the
// tag of the first entry, if there is a region.
func readRPMHeader(content io.ReaderAt, size, start int64, region uint32, maxEntries uint32, wanted []uint32) (*rpmHeader, error) {
	intro, err := readPart(content, size, start, introSize)
	if err != nil {
		return nil, err
	}
	if string(intro[:8]) != headerMagic {
		return nil, errors.New("a header is missing or damaged")
	}
	count, length := binary.BigEndian.Uint32(intro[8:]), int64(binary.BigEndian.Uint32(intro[12:]))
	data := introSize + int64(count)*entrySize
	switch {
	case count == 0 || count > maxEntries:
		return nil, fmt.Errorf("a header has %d entries; at most %d are allowed", count, maxEntries)
	case start+data+length <= size && length > MaxRPMHeader:
		return nil, notJudged("a header has %d bytes of data; at most %d are allowed", length, MaxRPMHeader)
	}
	h := &rpmHeader{start: start, values: map[uint32]rpmValue{}}
	if h.raw, err = readPart(content, size, start, data+length); err != nil {
		return nil, err
	}
	copy(h.raw, intro)
	index := make([]rpmEntry, count)
	_, _ = binary.Decode(h.raw[introSize:], binary.BigEndian, index) // there are as many
	return h, h.parse(index, h.raw[data:], region, wanted)
}

func readPart(content io.ReaderAt, size, offset, n int64) ([]byte, error) {
	if offset+n > size {
		return nil, errors.New("the package is cut off within its headers")
	}
	part := make([]byte, n)
	return part, readAt(content, part, offset)
}

const (
	regionSize = 16
	minTag     = 100       // those below mean something of the header itself; rpm takes tags for signed
	maxArray   = 1<<20 - 1 // values of an entry that is not binary, as in rpm
)

// parse checks all entries as rpm does and keeps the wanted values. A repeated tag is refused
// unless both values are equal, because readers differ in which they use.
func (h *rpmHeader) parse(index []rpmEntry, data []byte, region uint32, wanted []uint32) error {
	trailer := int64(index[0].Offset) // of the region, if there is one
	if h.region = index[0].Tag == region; h.region {
		if err := checkRegion(index, data); err != nil {
			return err
		}
		index = index[1:]
	}
	var last int64 // where the last entry's data ended
	for _, e := range index {
		if int32(e.Tag) < minTag || e.Kind == 0 || e.Kind >= uint32(len(typeSizes)) || e.Count == 0 ||
			e.Kind == typeString && e.Count != 1 || e.Kind != typeBinary && e.Count > maxArray {
			return fmt.Errorf("the entry of tag %d has type %d and count %d", e.Tag, e.Kind, e.Count)
		}
		offset, width := int64(e.Offset), typeSizes[e.Kind]
		end := offset + width*int64(e.Count) // of texts at least that
		if offset < last || offset%width != 0 || end > int64(len(data)) {
			return fmt.Errorf("the data of tag %d is not in its place", e.Tag)
		}
		if e.Kind == typeString || e.Kind == typeStringArray || e.Kind == typeI18N {
			end = offset
			for range e.Count {
				n := bytes.IndexByte(data[end:], 0)
				if n < 0 {
					return fmt.Errorf("the text of tag %d does not end", e.Tag)
				}
				end += int64(n) + 1
			}
		}
		if h.region && end > trailer && offset < trailer+regionSize {
			return fmt.Errorf("the data of tag %d is where the region ends", e.Tag)
		}
		last = end
		switch other, twice := h.values[e.Tag]; {
		case region == tagHeaderSignatures && (e.Tag == tagFileSignatures || e.Tag == tagVeritySignatures || e.Tag == tagPGP5):
			h.unjudged = e.Tag
		case !slices.Contains(wanted, e.Tag):
		case end-offset > maxValue:
			return notJudged("tag %d has %d bytes; at most %d are allowed", e.Tag, end-offset, maxValue)
		case twice && (other.kind != e.Kind || other.count != e.Count || !bytes.Equal(other.data, data[offset:end])):
			return fmt.Errorf("tag %d occurs twice", e.Tag)
		default:
			h.values[e.Tag] = rpmValue{e.Kind, e.Count, data[offset:end:end]}
		}
	}
	return nil
}

// checkRegion checks the first entry. Its data ends the region: it repeats tag and type, and
// counts the region's entries as a negative offset. In the header nothing may be outside:
// signatures cover all of it, but rpm keeps only the region. The signature header is not signed,
// and signing servers add entries to it without changing its region.
func checkRegion(index []rpmEntry, data []byte) error {
	first := index[0]
	end := int64(first.Offset) + regionSize
	if first.Kind != typeBinary || first.Count != regionSize || end > int64(len(data)) {
		return errors.New("the entry of a header's region is broken")
	}
	var trailer rpmEntry
	_, _ = binary.Decode(data[first.Offset:], binary.BigEndian, &trailer) // it is within the data
	inside, all := -int64(int32(trailer.Offset)), int64(len(index))*entrySize
	if first.Tag == tagHeaderSignatures && trailer.Tag == tagHeaderImage {
		trailer.Tag = first.Tag
	}
	trailer.Offset = first.Offset
	switch {
	case first.Tag == tagHeaderImmutable && end != int64(len(data)):
		return errors.New("there is data outside the region that is signed")
	case first.Tag == tagHeaderImmutable && inside != all:
		return errors.New("there are entries outside the region that is signed")
	case trailer != first || inside < 0 || inside > all || inside%entrySize != 0:
		return errors.New("the trailer of a header's region is broken")
	}
	return nil
}

// strings returns the texts of a value; ok reports whether it has any.
func (v rpmValue) strings() (list []string, ok bool) {
	if v.kind != typeString && v.kind != typeStringArray {
		return nil, false
	}
	return strings.Split(strings.TrimSuffix(string(v.data), "\x00"), "\x00"), true
}

func (v rpmValue) number() (n uint64, ok bool) {
	switch {
	case v.count == 1 && v.kind == typeInt32:
		return uint64(binary.BigEndian.Uint32(v.data)), true
	case v.count == 1 && v.kind == typeInt64:
		return binary.BigEndian.Uint64(v.data), true
	}
	return 0, false
}
