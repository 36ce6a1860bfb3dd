package sigstoreverify

import (
	"bytes"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// maxPair is the size in bytes of the longest ECDSA signature in ASN.1 that is taken, on P-521.
const maxPair = 2*66 + 16

// isPair says whether the bytes are an ECDSA signature in ASN.1 of at most max bytes: two numbers in a sequence.
func isPair(sig []byte, max int) bool {
	if len(sig) < 8 || len(sig) > max || sig[0] != 0x30 {
		return false
	}
	var pair struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(sig, &pair)
	return err == nil && len(rest) == 0
}

// looksPlain says whether the bytes have the shape of a signature by some key of a kind that is taken. Others are
// somebody else's: not known here is not bad (INT-9).
func looksPlain(sig []byte) bool {
	switch n := len(sig); {
	case n == 64 || n == 96 || n == 132: // Ed25519, or both numbers of ECDSA
		return true
	case n >= cms.MinRSA/8 && n <= MaxRSA/8 && n%64 == 0 && !isOpenPGP(sig) && !cms.Begins(sig):
		return true
	default:
		return isPair(sig, maxPair)
	}
}

// isOpenPGP says whether the bytes are OpenPGP packets end to end, each a signature: of a known version and with a
// length that fits. A signature by a plain key is so by chance once in many millions.
func isOpenPGP(b []byte) bool {
	for packets := 0; ; packets++ {
		if len(b) == 0 {
			return packets > 0
		}
		body, rest, ok := openPGPSignature(b)
		if !ok || len(body) < 10 || body[0] < 2 || body[0] > 6 {
			return false
		}
		b = rest
	}
}

// openPGPSignature takes one signature packet off b (RFC 9580, section 4.2).
func openPGPSignature(b []byte) (body, rest []byte, ok bool) {
	const signature = 2
	header, b := b[0], b[1:]
	var octets, size int // of the length, of the body
	switch {
	case header&0xC0 == 0xC0 && header&0x3F == signature:
		switch {
		case len(b) == 0:
			return nil, nil, false
		case b[0] < 192:
			octets, size = 1, int(b[0])
		case b[0] < 224 && len(b) >= 2:
			octets, size = 2, (int(b[0])-192)<<8+int(b[1])+192
		case b[0] == 255 && len(b) >= 5:
			octets, size = 5, int(binary.BigEndian.Uint32(b[1:]))&(1<<31-1)
		default:
			return nil, nil, false
		}
	case header&0xC0 == 0x80 && header>>2&0x0F == signature:
		octets = 1 << (header & 3)
		if octets == 8 { // of indefinite length
			return b, nil, true
		}
		if len(b) < octets {
			return nil, nil, false
		}
		var wide [8]byte
		copy(wide[8-octets:], b)
		size = int(binary.BigEndian.Uint64(wide[:]) & (1<<31 - 1))
	default:
		return nil, nil, false
	}
	if size > len(b)-octets {
		return nil, nil, false
	}
	return b[octets:][:size], b[octets+size:], true
}

// foreign names what a file is that holds no signature of a kind that is taken; none if that cannot be told.
func (f *file) foreign() string {
	b := f.signatures[len(f.signatures)-1]
	switch text := bytes.TrimSpace(b); {
	case isOpenPGP(b):
		return "an OpenPGP signature"
	case cms.Begins(b):
		return "a PKCS #7 (CMS) signature"
	case bytes.HasPrefix(text, []byte("untrusted comment:")):
		return "a signature of minisign or signify"
	case bytes.HasPrefix(text, []byte("<")):
		return "XML"
	default:
		return ""
	}
}

// isText says whether the bytes are readable text.
func isText(b []byte) bool {
	return utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' })
}
