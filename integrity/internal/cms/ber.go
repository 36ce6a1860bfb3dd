package cms

import (
	"bytes"
	"encoding/binary"
)

// Some timestamp authorities answer in BER, with lengths given by an end mark and strings in
// pieces. Signed are only the content of strings and attributes in DER, so the rest can be
// converted to DER before it is read.

// toDER returns the first element of b in DER, and what follows it. It converts the element if
// that or something in it ends by a mark: a stamp in BER may be inside a signature in DER.
func (f *File) toDER(b []byte) (element, rest []byte, err error) {
	r := Read(b)
	_, whole, _ := r.Next()
	if err = r.Err(); err == nil {
		err = f.wellFormed(whole)
	}
	if err != errMark {
		return whole, r.left, err
	}
	rest = b
	if element, err = f.convert(&rest, 0); err == nil {
		err = f.wellFormed(element)
	}
	return element, rest, err
}

// convert removes the next element of left and returns it in DER.
func (f *File) convert(left *[]byte, depth int) ([]byte, error) {
	b := *left
	header, n, err := measureBER(b)
	marked := err == errMark
	if depth > MaxBERDepth || err != nil && !marked {
		return nil, ErrDER
	}
	tag, inner := b[0], left
	if marked {
		*left = b[2:]
	} else {
		body := b[header : header+n]
		inner, *left = &body, b[header+n:]
	}
	if tag&tagConstructed == 0 {
		if marked {
			return nil, ErrDER
		}
		return Encode(tag, *inner), f.work(len(*inner))
	}
	var body []byte
	for marked && !bytes.HasPrefix(*inner, []byte{0, 0}) || !marked && len(*inner) > 0 {
		part, err := f.convert(inner, depth+1)
		if err != nil {
			return nil, err
		}
		if tag == TagOctets|tagConstructed { // the pieces of a string become one
			piece := Read(part)
			if part = piece.Bytes(TagOctets); piece.Err() != nil {
				return nil, piece.Err()
			}
		}
		body = append(body, part...)
	}
	if marked {
		*left = (*left)[2:]
	}
	if tag == TagOctets|tagConstructed {
		tag = TagOctets
	}
	return Encode(tag, body), f.work(2 * len(body))
}

func Encode(tag byte, body []byte) []byte {
	out := append(make([]byte, 0, len(body)+6), tag)
	if n := len(body); n < 0x80 {
		out = append(out, byte(n))
	} else {
		length := bytes.TrimLeft(binary.BigEndian.AppendUint32(nil, uint32(n)), "\x00")
		out = append(append(out, 0x80|byte(len(length))), length...)
	}
	return append(out, body...)
}
