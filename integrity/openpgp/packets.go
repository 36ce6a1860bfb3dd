package openpgp

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const (
	tagSignature    = 2
	tagOnePass      = 4
	tagSecretKey    = 5
	tagPublicKey    = 6
	tagSecretSubkey = 7
	tagCompressed   = 8
	tagMarker       = 10
	tagLiteral      = 11
	tagUserID       = 13
	tagPublicSubkey = 14
	tagAttribute    = 17
	tagPadding      = 21
	tagOptional     = 40 // and above: programs that do not know them pass over them
)

type rawPacket struct {
	tag  byte
	body []byte
}

// splitPackets splits data into at most limit packets, and reports whether there are more. It
// refuses the forms of length that only streams need.
func splitPackets(data []byte, limit int) (out []rawPacket, more bool, err error) {
	for len(data) > 0 && len(out) < limit {
		p, rest, err := nextPacket(data)
		if err != nil {
			return nil, false, err
		}
		out, data = append(out, p), rest
	}
	return out, len(data) > 0, nil
}

var errTruncated = errors.New("it is cut off within a packet")

func nextPacket(data []byte) (p rawPacket, rest []byte, err error) {
	first, data := data[0], data[1:]
	p.tag = first >> 2 & 0xf
	n, base := 1<<(first&3), 0 // bytes of the length, and what is added to it
	if first&0x40 != 0 {       // the new form; in the old one n is in the low bits, 8 for none
		p.tag, n = first&0x3f, 1
		switch {
		case len(data) == 0 || data[0] < 192:
		case data[0] < 224:
			n, base = 2, 192-192<<8
		case data[0] < 255:
			n = 8
		default:
			n, data = 4, data[1:]
		}
	}
	switch {
	case first&0x80 == 0:
		return p, nil, errors.New("it is not OpenPGP data")
	case n == 8:
		return p, nil, errors.New("a packet has no length of its own, which only a stream needs")
	case len(data) < n:
		return p, nil, errTruncated
	}
	length := 0
	for _, b := range data[:n] {
		length = length<<8 | int(b)
	}
	length, data = length+base, data[n:]
	if length < 0 || length > len(data) {
		return p, nil, errTruncated
	}
	p.body = data[:length:length]
	return p, data[length:], nil
}

// parse parses the packet with the library. Bytes that the library leaves unread are junk.
func (p rawPacket) parse() (packet.Packet, error) {
	header := []byte{0xC0 | p.tag, 255, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(header[2:], uint32(len(p.body)))
	r := bytes.NewReader(append(header, p.body...))
	parsed, err := packet.Read(r)
	if err != nil {
		return nil, err
	}
	if r.Len() > 0 {
		return nil, errors.New("there is junk at the end of a packet")
	}
	return parsed, nil
}
