package openpgp

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The tags of packets (RFC 9580, 5).
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

// rawPacket is a packet as it stands in a file.
type rawPacket struct {
	tag  byte
	body []byte
}

// splitPackets cuts data into at most limit packets, and reports whether there are more. The forms of length that only
// streams need are refused.
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

var (
	errNoPackets  = errors.New("it is no OpenPGP data")
	errTruncated  = errors.New("it is cut off within a packet")
	errStreamed   = errors.New("a packet has no length of its own, which only a stream needs")
	errJunkInside = errors.New("there is junk at the end of a packet")
)

func nextPacket(data []byte) (p rawPacket, rest []byte, err error) {
	first, length, data := data[0], 0, data[1:]
	switch {
	case first&0x80 == 0:
		return p, nil, errNoPackets
	case first&0x40 == 0: // the old form: the tag, and the length's length in its low bits
		n := 1 << (first & 3)
		if n == 8 {
			return p, nil, errStreamed
		}
		if len(data) < n {
			return p, nil, errTruncated
		}
		for _, b := range data[:n] {
			length = length<<8 | int(b)
		}
		p.tag, data = first>>2&0xf, data[n:]
	default:
		p.tag = first & 0x3f
		if len(data) == 0 {
			return p, nil, errTruncated
		}
		n := 1
		switch b := data[0]; {
		case b < 192:
			length = int(b)
		case b < 224:
			n = 2
		case b < 255:
			return p, nil, errStreamed
		default:
			n = 5
		}
		if len(data) < n {
			return p, nil, errTruncated
		}
		switch n {
		case 2:
			length = int(data[0]-192)<<8 + int(data[1]) + 192
		case 5:
			length = int(binary.BigEndian.Uint32(data[1:]))
		}
		data = data[n:]
	}
	if length < 0 || length > len(data) {
		return p, nil, errTruncated
	}
	p.body = data[:length:length]
	return p, data[length:], nil
}

// parse hands the packet to the library. What the library leaves unread is junk.
func (p rawPacket) parse() (packet.Packet, error) {
	header := []byte{0xC0 | p.tag, 255, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(header[2:], uint32(len(p.body)))
	r := bytes.NewReader(append(header, p.body...))
	parsed, err := packet.Read(r)
	if err != nil {
		return nil, err
	}
	if r.Len() > 0 {
		return nil, errJunkInside
	}
	return parsed, nil
}
