package authenticode

import (
	"crypto/x509"
	"errors"
	"slices"
)

// Signatures are ASN.1 in DER. They are read by hand, element by element and without copies, because encoding/asn1 makes
// a slice of a set's whole length before it looks at the first member, which a hostile file can turn into gigabytes.

// Tags of elements.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagBits        = 0x03
	tagOctets      = 0x04
	tagNull        = 0x05
	tagOID         = 0x06
	tagUTCTime     = 0x17
	tagTime        = 0x18
	tagSequence    = 0x30
	tagSet         = 0x31
	tagConstructed = 0x20
	tagContext     = 0x80
	tagContext0    = tagContext | tagConstructed
	tagContext1    = tagContext0 + 1
)

// der is what is left to read of the elements that follow each other.
type der []byte

var errDER = errors.New("it is not well-formed DER")

// errMark says that an element's length is told by an end mark.
var errMark = errors.New("it is in BER")

// next reads one element: its tag, the whole of it, and its content.
func (d *der) next() (tag byte, whole []byte, body der, err error) {
	header, n, err := measure(*d)
	if err == nil && n > len(*d)-header {
		err = errDER
	}
	if err != nil {
		return 0, nil, nil, err
	}
	b := *d
	*d = b[header+n:]
	return b[0], b[:header+n], der(b[header : header+n]), nil
}

// take reads one element, which must have the tag, and returns its content.
func (d *der) take(tag byte) (der, error) {
	got, _, body, err := d.next()
	if err != nil || got != tag {
		return nil, errDER
	}
	return body, nil
}

// has tells whether the next element has the tag.
func (d der) has(tag byte) bool { return len(d) > 0 && d[0] == tag }

// measure reads a tag and a definite length in its shortest form.
func measure(b []byte) (header, n int, err error) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return 0, 0, errDER
	}
	if b[1] < 0x80 {
		return 2, int(b[1]), nil
	}
	if b[1] == indefinite {
		return 0, 0, errMark
	}
	count := int(b[1] & 0x7f)
	if count > 4 || len(b) < 2+count {
		return 0, 0, errDER
	}
	for _, c := range b[2 : 2+count] {
		n = n<<8 | int(c)
	}
	if n < 0x80 || b[2] == 0 || n > 1<<30 {
		return 0, 0, errDER
	}
	return 2 + count, n, nil
}

// objectID is the content of an OBJECT IDENTIFIER.
type objectID string

// oid is for the identifiers that this package names, in dotted numbers.
func oid(dotted string) objectID {
	parsed, _ := x509.ParseOID(dotted)
	body, _ := parsed.MarshalBinary()
	return objectID(body)
}

// String returns the dotted numbers.
func (o objectID) String() string {
	var parsed x509.OID
	if parsed.UnmarshalBinary([]byte(o)) != nil {
		return "an invalid object identifier"
	}
	return parsed.String()
}

// algorithm reads an AlgorithmIdentifier, which has at most one parameter.
func (d *der) algorithm() (id objectID, err error) {
	seq, err := d.take(tagSequence)
	if err != nil {
		return "", err
	}
	body, err := seq.take(tagOID)
	if err == nil && len(seq) > 0 {
		_, _, _, err = seq.next()
	}
	if err != nil || len(seq) > 0 {
		return "", errDER
	}
	return objectID(body), nil
}

// version reads a version number, which must be one of those given.
func (d *der) version(any ...byte) error {
	b, err := d.take(tagInteger)
	if err != nil || len(b) != 1 || !slices.Contains(any, b[0]) {
		return errDER
	}
	return nil
}

// wellFormed wants everything in d to be DER, also what nobody reads and nothing signs: others may stumble over it.
func wellFormed(d der, depth int) error {
	if depth >= MaxLevels {
		return errDER
	}
	for len(d) > 0 {
		tag, _, body, err := d.next()
		if err != nil {
			return err
		}
		switch tag {
		case tagInteger:
			if len(body) == 0 || len(body) > 1 && (body[0] == 0 && body[1] < 0x80 || body[0] == 0xff && body[1] >= 0x80) {
				return errDER
			}
		case tagBoolean:
			if len(body) != 1 {
				return errDER
			}
		case tagNull:
			if len(body) > 0 {
				return errDER
			}
		case tagBits:
			if len(body) == 0 || body[0] > 7 {
				return errDER
			}
		case tagOID:
			if len(body) == 0 || body[len(body)-1] >= 0x80 {
				return errDER
			}
		}
		if tag&tagConstructed != 0 {
			if err := wellFormed(body, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
