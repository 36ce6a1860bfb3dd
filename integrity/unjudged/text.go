package unjudged

import (
	"bytes"
	"encoding/base64"
	"regexp"
)

var (
	// blockLine is a line of a script's signature block, in any language's comments.
	blockLine = regexp.MustCompile(`(?i)^\s*(# SIG #|<!-- SIG #|/\* SIG #|'' SIG ''|// SIG //|\*\* SIG \*\*) ((Begin|End) signature block|[a-z0-9+/=]{32,})( -->| \*/)?\s*$`)
	// signatureValue is what every XML signature has.
	signatureValue = regexp.MustCompile(`<([\w.-]+:)?SignatureValue[\s/>]`)
)

// script searches the end of a text for a signature block.
func (f *file) script() bool {
	for line := range bytes.Lines(f.text(f.tail)) {
		if bytes.Contains(line, []byte("SIG")) && blockLine.Match(line) {
			return true
		}
	}
	return false
}

// xml searches both ends of an XML text for a signature.
func (f *file) xml() bool {
	head, tail := f.text(f.head), f.text(f.tail)
	start := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))
	return tail != nil && bytes.HasPrefix(start, []byte("<")) && (signatureValue.Match(head) || signatureValue.Match(tail))
}

// text returns text with one byte per ASCII letter; nil: it is not a text.
func (f *file) text(b []byte) []byte {
	switch {
	case !bytes.Contains(b, []byte{0}):
		return b
	case f.has(0, "\xff\xfe") || f.has(0, "\xfe\xff"):
		return bytes.ReplaceAll(bytes.TrimLeft(b, "\xff\xfe"), []byte{0}, nil)
	case bytes.Count(b, []byte{0})*5 >= len(b)*2 && bytes.Count(b, []byte{0, 0}) == 0: // the same without a mark
		return bytes.ReplaceAll(b, []byte{0}, nil)
	}
	return nil
}

const (
	oidSignedData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
	oidTrustList  = "\x06\x09\x2b\x06\x01\x04\x01\x82\x37\x0a\x01"
)

// message returns the beginning of a SignedData; nil: there is none. A bare list of certificates
// names no digest algorithm and is none.
func (f *file) message() []byte {
	b := bytes.TrimPrefix(f.head[:min(len(f.head), 4096)], []byte("PKCX")) // so begins an MSIX package's signature
	if text := bytes.TrimSpace(b); bytes.HasPrefix(text, []byte("-----BEGIN PKCS7-----")) || bytes.HasPrefix(text, []byte("-----BEGIN CMS-----")) {
		_, body, _ := bytes.Cut(text, []byte("\n"))
		body, _, _ = bytes.Cut(body, []byte("-"))
		body = bytes.Join(bytes.Fields(body), nil)
		b, _ = base64.StdEncoding.AppendDecode(nil, body[:len(body)&^3])
	}
	b, is := bytes.CutPrefix(inside(b, 0x30), []byte(oidSignedData))
	b = inside(inside(b, 0xa0), 0x30)
	if !is || len(b) < 3 || b[0] != 2 || bytes.HasPrefix(b[3:], []byte{0x31, 0}) || !bytes.HasPrefix(inside(b[3:], 0x31), []byte{0x30}) {
		return nil
	}
	return b[:min(len(b), 256)]
}

// inside returns what follows the header of an element; nil: it has another tag.
func inside(b []byte, tag byte) []byte {
	if len(b) < 2 || b[0] != tag {
		return nil
	}
	n := 2
	if b[1] > 0x80 {
		n += int(b[1] & 0x7f)
	}
	return b[min(n, len(b)):]
}
