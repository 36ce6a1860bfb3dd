package sigstoreverify

import (
	"bytes"
	"crypto/ed25519"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// maxPair is the size in bytes of the longest ECDSA signature in ASN.1, on P-521.
const maxPair = 2*66 + 16

// isPair reports whether the bytes are an ECDSA signature in ASN.1 of at most max bytes.
func isPair(sig []byte, max int) bool {
	if len(sig) < 8 || len(sig) > max || sig[0] != 0x30 {
		return false
	}
	var pair struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(sig, &pair)
	return err == nil && len(rest) == 0
}

// makers lists the kinds of key that make signatures of this shape. Without one the signature is
// of another kind, which is not bad (INT-9).
func makers(sig []byte) []string {
	switch n := len(sig); {
	case isPair(sig, maxPair):
		return []string{"ECDSA"}
	case n == ed25519.SignatureSize:
		return []string{"Ed25519", "ECDSA P-256"}
	case n == 96:
		return []string{"ECDSA P-384"}
	case n == 132:
		return []string{"ECDSA P-521"}
	case n >= cms.MinRSA/8 && n <= MaxRSA/8 && n%64 == 0 && !isOpenPGP(sig) && !cms.Begins(sig):
		return []string{fmt.Sprintf("RSA with %d bits", 8*n)}
	default:
		return nil
	}
}

// isOpenPGP reports whether the bytes are only OpenPGP signature packets (RFC 9580, 4.2) of a
// known version and a length that fits. A plain signature looks so by chance once in many
// millions.
func isOpenPGP(b []byte) bool {
	const (
		newHeader  = 0xC2 // of a signature; lengths are of one, two or five bytes
		oldHeader  = 0x88 // plus 1 and 2: lengths are of one, two and four bytes
		indefinite = 0x8B // to the end
	)
	for packets := 0; ; packets++ {
		if len(b) == 0 {
			return packets > 0
		}
		var length [5]byte // zeros where body is shorter
		header, body := b[0], b[1:]
		copy(length[:], body)
		octets, size := 1, int(length[0])
		switch {
		case header == oldHeader, header == newHeader && length[0] < 192:
		case header == oldHeader+1:
			octets, size = 2, int(binary.BigEndian.Uint16(length[:]))
		case header == newHeader && length[0] < 224:
			octets, size = 2, int(binary.BigEndian.Uint16(length[:]))-192<<8+192
		case header == oldHeader+2:
			octets, size = 4, int(binary.BigEndian.Uint32(length[:])&(1<<31-1))
		case header == newHeader && length[0] == 255:
			octets, size = 5, int(binary.BigEndian.Uint32(length[1:])&(1<<31-1))
		case header == indefinite:
			octets, size = 0, len(body)
		default:
			return false
		}
		if size < 10 || size > len(body)-octets || !isOpenPGPBody(body[octets:octets+size]) {
			return false
		}
		b = body[octets+size:]
	}
}

// isOpenPGPBody reports whether a signature packet's body, of at least 10 bytes, has a version,
// a type of signature and algorithms that exist.
func isOpenPGPBody(b []byte) bool {
	kind, key, hash := b[1], b[2], b[3]
	if version := b[0]; version == 2 || version == 3 { // RFC 9580, 5.2.2
		if b[1] != 5 || len(b) < 19 {
			return false
		}
		kind, key, hash = b[2], b[15], b[16]
	} else if version < 4 || version > 6 { // 5.2.3
		return false
	}
	return bytes.IndexByte(openPGPKinds, kind) >= 0 && (key >= 1 && key <= 28 || key >= 100 && key <= 110) && hash >= 1 && hash <= 14
}

// openPGPKinds are the types of signatures (RFC 9580, 5.2.1).
var openPGPKinds = []byte{0, 1, 2, 0x10, 0x11, 0x12, 0x13, 0x18, 0x19, 0x1F, 0x20, 0x28, 0x30, 0x40, 0x50}

// foreign names what a file of another kind is; empty: unknown.
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
