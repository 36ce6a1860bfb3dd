package authenticode

// Some timestamp authorities answer in BER: lengths that are told by an end mark, and strings in pieces. What is signed
// in there is a string's content and attributes that are in DER anyway, so it can be put into DER before it is read.

const indefinite = 0x80

// toDER returns the first element of b in DER, and what follows it. It is put into DER if it, or something in it, ends by
// a mark: the stamp of such an authority may lie in a signature that is in DER around it.
func toDER(b []byte) (element, rest []byte, err error) {
	d := der(b)
	_, whole, _, err := d.next()
	if err == nil {
		err = wellFormed(whole, 0)
	}
	if err != errMark {
		return whole, d, err
	}
	c := converter{left: b}
	out, err := c.element(0)
	if err == nil {
		err = wellFormed(out, 0)
	}
	return out, c.left, err
}

type converter struct{ left []byte }

// element converts the next element.
func (c *converter) element(depth int) ([]byte, error) {
	if depth > MaxBERDepth || len(c.left) < 2 || c.left[0]&0x1f == 0x1f {
		return nil, errDER
	}
	tag := c.left[0]
	if c.left[1] != indefinite {
		header, n, err := measureBER(c.left)
		if err != nil || n > len(c.left)-header {
			return nil, errDER
		}
		body := c.left[header : header+n]
		c.left = c.left[header+n:]
		if tag&tagConstructed == 0 {
			return encode(tag, body), nil
		}
		inner := converter{left: body}
		var parts [][]byte
		for len(inner.left) > 0 {
			part, err := inner.element(depth + 1)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		return join(tag, parts)
	}
	if tag&tagConstructed == 0 {
		return nil, errDER
	}
	c.left = c.left[2:]
	var parts [][]byte
	for {
		if len(c.left) >= 2 && c.left[0] == 0 && c.left[1] == 0 {
			c.left = c.left[2:]
			return join(tag, parts)
		}
		part, err := c.element(depth + 1)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
}

// join makes one element of its parts; the pieces of a string become one.
func join(tag byte, parts [][]byte) ([]byte, error) {
	var body []byte
	for _, part := range parts {
		if tag == tagOctets|tagConstructed {
			d := der(part)
			piece, err := d.take(tagOctets)
			if err != nil {
				return nil, err
			}
			part = piece
		}
		body = append(body, part...)
	}
	if tag == tagOctets|tagConstructed {
		tag = tagOctets
	}
	return encode(tag, body), nil
}

// encode writes an element.
func encode(tag byte, body []byte) []byte {
	out := make([]byte, 0, len(body)+6)
	out = append(out, tag)
	switch n := len(body); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 1<<8:
		out = append(out, 0x81, byte(n))
	case n < 1<<16:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}

// measureBER reads a tag and a definite length in any form.
func measureBER(b []byte) (header, n int, err error) {
	count := int(b[1] & 0x7f)
	if b[1] < 0x80 {
		return 2, int(b[1]), nil
	}
	if count > 8 || len(b) < 2+count {
		return 0, 0, errDER
	}
	for _, c := range b[2 : 2+count] {
		if n >= 1<<22 { // more than any file has, and an int of 32 bits does not overflow
			return 0, 0, errDER
		}
		n = n<<8 | int(c)
	}
	return 2 + count, n, nil
}
