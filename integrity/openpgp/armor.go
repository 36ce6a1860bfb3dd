package openpgp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// The kinds of armor, as their lines name them.
const (
	armorSignature = "PGP SIGNATURE"
	armorKeys      = "PGP PUBLIC KEY BLOCK"
	armorMessage   = "PGP MESSAGE"
	armorSigned    = "PGP SIGNED MESSAGE"
)

const armorBegin = "-----BEGIN PGP "

var errCutOff = errors.New("it is cut off: an armored block has no END line")

// dearmor decodes the armored blocks of one kind, of which there must be at least one, and joins what they hold (RFC 9580,
// 6). It returns their headers too, of which nothing depends. Between and around them only white space may stand, or any text if loose. Unlike the library's decoder it wants the
// END line, a right checksum where there is one, and nothing that is not understood.
func dearmor(data []byte, kind string, loose bool) (out []byte, headers []string, err error) {
	begin, end := "-----BEGIN "+kind+"-----", "-----END "+kind+"-----"
	lines := &lineReader{rest: data}
	for blocks := 0; ; blocks++ {
		for {
			line, more := lines.next()
			if !more {
				if blocks == 0 {
					return nil, nil, errors.New("there is no armored block")
				}
				return out, headers, nil
			}
			if string(line) == begin {
				break
			}
			if len(line) > 0 && !loose {
				return nil, nil, fmt.Errorf("there is text outside the armored block: %.40q", line)
			}
		}
		body, said, err := dearmorOne(lines, end)
		if err != nil {
			return nil, nil, err
		}
		out, headers = append(out, body...), append(headers, said...)
	}
}

// dearmorOne decodes a block whose first line was read.
func dearmorOne(lines *lineReader, end string) (body []byte, headers []string, err error) {
	for {
		line, more := lines.next()
		switch {
		case !more:
			return nil, nil, errCutOff
		case len(line) == 0:
			body, err = dearmorBody(lines, end)
			return body, headers, err
		case !armorHeader(line):
			return nil, nil, fmt.Errorf("bad armor: %.40q is no header", line)
		case len(headers) <= maxOdd:
			headers = append(headers, string(line))
		}
	}
}

// armorHeader reports whether a line has the form of a header, "Comment: made by hand".
func armorHeader(line []byte) bool {
	name, _, found := strings.Cut(string(line), ":")
	return found && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") == "" && !bytes.ContainsAny(line, "\x00\x1b")
}

func dearmorBody(lines *lineReader, end string) ([]byte, error) {
	var text []byte
	checksum := ""
	for {
		line, more := lines.next()
		switch {
		case !more:
			return nil, errCutOff
		case string(line) == end:
			body, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
			if err != nil {
				return nil, fmt.Errorf("bad armor: %w", err)
			}
			if checksum != "" && checksum != crc24(body) {
				return nil, errors.New("bad armor: its checksum does not match")
			}
			return body, nil
		case checksum != "":
			return nil, fmt.Errorf("bad armor: %.40q after the checksum", line)
		case len(line) == 5 && line[0] == '=':
			checksum = string(line[1:])
		case len(line) > 96:
			return nil, fmt.Errorf("bad armor: a line of %d characters", len(line))
		default:
			text = append(text, line...)
		}
	}
}

// crc24 is armor's checksum, in base64.
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

// lineReader reads lines without their ends and the white space before these.
type lineReader struct{ rest []byte }

func (l *lineReader) next() (line []byte, more bool) {
	if len(l.rest) == 0 {
		return nil, false
	}
	line, l.rest, _ = bytes.Cut(l.rest, []byte("\n"))
	return bytes.TrimRight(line, " \t\r"), true
}
