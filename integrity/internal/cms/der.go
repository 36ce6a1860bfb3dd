package cms

import (
	"crypto/x509"
	"errors"
	"slices"
)

// Tags of elements.
const (
	tagBoolean     = 0x01
	TagInteger     = 0x02
	tagBits        = 0x03
	TagOctets      = 0x04
	tagNull        = 0x05
	TagOID         = 0x06
	TagUTCTime     = 0x17
	TagTime        = 0x18
	TagSequence    = 0x30
	TagSet         = 0x31
	tagConstructed = 0x20
	TagContext     = 0x80
	TagContext0    = TagContext | tagConstructed
	TagContext1    = TagContext0 + 1
)

// Reader reads a sequence of elements and those inside them. All readers made from one share the
// first error. After it nothing is left to read, so check Err once, at the end.
type Reader struct {
	left []byte
	err  *error
}

func Read(b []byte) *Reader { return &Reader{b, new(error)} }

func (r *Reader) Err() error { return *r.err }

// Fail sets the error, unless there is one.
func (r *Reader) Fail(err error) {
	if *r.err == nil {
		*r.err = err
	}
}

// ErrDER means not DER, or not the expected element.
var ErrDER = errors.New("it is not well-formed DER")

// errMark means that an element's length is given by an end mark.
var errMark = errors.New("it is in BER")

func (r *Reader) More() bool { return *r.err == nil && len(r.left) > 0 }

// Has reports whether the next element has the tag.
func (r *Reader) Has(tag byte) bool { return r.More() && r.left[0] == tag }

// Next reads one element and returns its tag, the whole of it, and its content.
func (r *Reader) Next() (tag byte, whole []byte, content *Reader) {
	if *r.err != nil {
		return 0, nil, &Reader{nil, r.err}
	}
	header, n, err := measure(r.left)
	if err != nil {
		r.Fail(err)
		return 0, nil, &Reader{nil, r.err}
	}
	whole = r.left[:header+n]
	r.left = r.left[header+n:]
	return whole[0], whole, &Reader{whole[header:], r.err}
}

// Take reads one element with the tag.
func (r *Reader) Take(tag byte) *Reader {
	got, _, content := r.Next()
	if got != tag {
		r.Fail(ErrDER)
		content.left = nil
	}
	return content
}

// Only reads one element with the tag, which must be the last.
func (r *Reader) Only(tag byte) *Reader {
	content := r.Take(tag)
	r.End()
	return content
}

func (r *Reader) End() {
	if r.More() {
		r.Fail(ErrDER)
	}
}

// Skip skips optional elements, in this order.
func (r *Reader) Skip(tags ...byte) {
	for _, tag := range tags {
		if r.Has(tag) {
			r.Next()
		}
	}
}

func (r *Reader) Rest() []byte { return r.left }

// Bytes reads one element with the tag and returns its content.
func (r *Reader) Bytes(tag byte) []byte { return r.Take(tag).left }

func (r *Reader) OID() OID { return OID(r.Bytes(TagOID)) }

// algorithm reads an AlgorithmIdentifier, which has at most one parameter.
func (r *Reader) algorithm() OID {
	seq := r.Take(TagSequence)
	id := seq.OID()
	if seq.More() {
		tag, _, value := seq.Next()
		structured := tag == TagSequence || tag == TagSet
		if tag < TagContext && (tag&tagConstructed != 0) != structured || tag == tagNull && len(value.left) > 0 {
			seq.Fail(ErrDER)
		}
	}
	seq.End()
	return id
}

// version reads a version number, which must be one of any.
func (r *Reader) version(any ...byte) {
	if b := r.Bytes(TagInteger); len(b) != 1 || !slices.Contains(any, b[0]) {
		r.Fail(ErrDER)
	}
}

// measure reads a tag and a definite length in its shortest form.
func measure(b []byte) (header, n int, err error) {
	header, n, err = measureBER(b)
	if err == nil && header > 2 && (n < 0x80 || b[2] == 0) {
		err = ErrDER
	}
	return header, n, err
}

// measureBER reads a length in any form; errMark means there is none.
func measureBER(b []byte) (header, n int, err error) {
	switch {
	case len(b) < 2 || b[0]&0x1f == 0x1f:
		return 0, 0, ErrDER
	case b[1] == 0x80:
		return 0, 0, errMark
	}
	header, n = 2, int(b[1])
	if n > 0x80 {
		header += n & 0x7f
		if n = 0; header > 2+8 || len(b) < header {
			return 0, 0, ErrDER
		}
		for _, c := range b[2:header] {
			if n >= 1<<22 { // more than any file has; a 32-bit int does not overflow
				return 0, 0, ErrDER
			}
			n = n<<8 | int(c)
		}
	}
	if n > len(b)-header {
		return 0, 0, ErrDER
	}
	return header, n, nil
}

// OID is the content of an OBJECT IDENTIFIER.
type OID string

// NewOID makes an OID from dotted numbers, which must be valid.
func NewOID(dotted string) OID {
	parsed, _ := x509.ParseOID(dotted)
	body, _ := parsed.MarshalBinary()
	return OID(body)
}

func (o OID) String() string {
	var parsed x509.OID
	if parsed.UnmarshalBinary([]byte(o)) != nil {
		return "an invalid object identifier"
	}
	return parsed.String()
}

// wellFormed requires DER, also in parts that nobody reads or signs: other readers may fail on
// them.
func (f *File) wellFormed(element []byte) error {
	if err := f.work(len(element)); err != nil {
		return err
	}
	return wellFormed(element, 0)
}

func wellFormed(b []byte, depth int) error {
	if depth >= MaxLevels {
		return ErrDER
	}
	for len(b) > 0 {
		header, n, err := measure(b)
		if err != nil {
			return err
		}
		tag, content, ok := b[0], b[header:header+n], true
		switch tag {
		case TagInteger:
			ok = n == 1 || n > 1 && (content[0] != 0 || content[1] >= 0x80) && (content[0] != 0xff || content[1] < 0x80)
		case tagBoolean:
			ok = n == 1
		case tagNull:
			ok = n == 0
		case tagBits:
			ok = n > 0 && content[0] <= 7
		case TagOID:
			ok = n > 0 && content[n-1] < 0x80
		}
		if !ok {
			return ErrDER
		}
		if tag&tagConstructed != 0 {
			if err := wellFormed(content, depth+1); err != nil {
				return err
			}
		}
		b = b[header+n:]
	}
	return nil
}
