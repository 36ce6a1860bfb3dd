package openpgp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// The kinds of armor, and the lines of a clear-signed message (RFC 9580, 7).
const (
	armorBegin     = "-----BEGIN PGP "
	armorSignature = "PGP SIGNATURE"
	armorKeys      = "PGP PUBLIC KEY BLOCK"

	beginSigned    = "-----BEGIN PGP SIGNED MESSAGE-----"
	beginSignature = "-----BEGIN " + armorSignature + "-----"
	endSignature   = "-----END " + armorSignature + "-----"
)

var errCutOff = errors.New("it is cut off: an armored block has no END line")

const blanks = " \t\r\n"

// The places of a line in a text: outside blocks, among a block's headers, or after them.
const (
	outside = iota
	inHeaders
	inBody
)

// dearmor decodes the armored blocks of one kind, of which there must be at least one, and joins
// their contents (RFC 9580, 6). It also returns their first headers, on which nothing depends.
// Around blocks only white space is allowed, or any text if loose. Unlike the library's decoder
// it requires the END line and a right checksum, if there is one, and refuses everything it does
// not understand.
func dearmor(data []byte, kind string, loose bool) (out []byte, headers []string, err error) {
	begin, end := "-----BEGIN "+kind+"-----", "-----END "+kind+"-----"
	var text []byte
	place, blocks, checksum := outside, 0, ""
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, blanks)
		switch {
		case place == outside && string(line) == begin:
			place, blocks, checksum, text = inHeaders, blocks+1, "", text[:0]
		case place == outside && (loose || len(line) == 0):
		case place == outside:
			return nil, nil, fmt.Errorf("there is text outside the armored block: %.40q", line)
		case place == inHeaders && len(line) == 0:
			place = inBody
		case place == inHeaders && !armorHeader(line):
			return nil, nil, fmt.Errorf("bad armor: %.40q is not a header", line)
		case place == inHeaders:
			if len(headers) < maxOdd {
				headers = append(headers, string(line))
			}
		case string(line) == end:
			body := len(out)
			if out, err = base64.StdEncoding.Strict().AppendDecode(out, text); err != nil {
				return nil, nil, fmt.Errorf("bad armor: %w", err)
			}
			if checksum != "" && checksum != crc24(out[body:]) {
				return nil, nil, errors.New("bad armor: its checksum does not match")
			}
			place = outside
		case checksum != "":
			return nil, nil, fmt.Errorf("bad armor: %.40q after the checksum", line)
		case len(line) == 5 && line[0] == '=':
			checksum = string(line[1:])
		case len(line) > 96:
			return nil, nil, fmt.Errorf("bad armor: a line of %d characters", len(line))
		default:
			text = append(text, line...)
		}
	}
	switch {
	case place != outside:
		return nil, nil, errCutOff
	case blocks == 0:
		return nil, nil, errors.New("there is no armored block")
	}
	return out, headers, nil
}

func armorHeader(line []byte) bool {
	name, _, found := strings.Cut(string(line), ":")
	return found && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == "" && !bytes.ContainsAny(line, "\x00\x1b")
}

// crc24 returns armor's checksum, in base64.
func crc24(data []byte) string {
	crc := uint32(0xB704CE)
	for _, b := range data {
		crc ^= uint32(b) << 16
		for range 8 {
			crc <<= 1
			if crc&0x1000000 != 0 {
				crc ^= 0x1864CFB
			}
		}
	}
	return base64.StdEncoding.EncodeToString([]byte{byte(crc >> 16), byte(crc >> 8), byte(crc)})
}
