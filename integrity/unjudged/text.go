package unjudged

import (
	"bytes"
	"encoding/base64"
	"regexp"

	"github.com/patchpolicy/patchpolicy/integrity"
)

var (
	// blockLine is a line of a script's signature block, in any language's comments.
	blockLine = regexp.MustCompile(`(?i)^\s*(# SIG #|<!-- SIG #|/\* SIG #|'' SIG ''|// SIG //|\*\* SIG \*\*) ((Begin|End) signature block|[a-z0-9+/=]{32,})( -->| \*/)?\s*$`)
	// signatureValue is what every XML signature has.
	signatureValue = regexp.MustCompile(`<([\w.-]+:)?SignatureValue[\s/>]`)
)

// script looks for a signature block at the end of a text, and for a signature within one in XML.
func (f *file) script() (integrity.Format, error) {
	tail, ok := plain(f, f.tail)
	if !ok {
		return "", nil
	}
	for line := range bytes.Lines(tail) {
		if bytes.Contains(line, []byte("SIG")) && blockLine.Match(line) {
			return "script", nil
		}
	}
	head, ok := plain(f, f.head)
	if trimmed := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))); ok && bytes.HasPrefix(trimmed, []byte("<")) {
		if signatureValue.Match(head) || signatureValue.Match(tail) {
			return "xml", nil
		}
	}
	return "", nil
}

// plain returns text in a form in which its ASCII letters are one byte each; ok is false if it is no text.
func plain(f *file, b []byte) (text []byte, ok bool) {
	switch {
	case !bytes.Contains(b, []byte{0}):
		return b, true
	case f.begins("\xff\xfe", "\xfe\xff"):
		return bytes.ReplaceAll(bytes.TrimLeft(b, "\xff\xfe"), []byte{0}, nil), true
	case bytes.Count(b, []byte{0})*5 >= len(b)*2 && bytes.Count(b, []byte{0, 0}) == 0: // the same without a mark
		return bytes.ReplaceAll(b, []byte{0}, nil), true
	}
	return nil, false
}

// Object identifiers as they stand in a message.
const (
	oidSignedData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
	oidTrustList  = "\x06\x09\x2b\x06\x01\x04\x01\x82\x37\x0a\x01"
)

// cms looks at how a SignedData begins. A mere list of certificates is one, too, and names no digest algorithm.
func (f *file) cms() (integrity.Format, error) {
	b := bytes.TrimPrefix(f.head[:min(len(f.head), 4096)], []byte("PKCX")) // so begins an MSIX package's signature
	if text := bytes.TrimSpace(b); bytes.HasPrefix(text, []byte("-----BEGIN PKCS7-----")) || bytes.HasPrefix(text, []byte("-----BEGIN CMS-----")) {
		_, body, _ := bytes.Cut(text, []byte("\n"))
		body, _, _ = bytes.Cut(body, []byte("-"))
		body = bytes.Join(bytes.Fields(body), nil)
		b, _ = base64.StdEncoding.AppendDecode(nil, body[:len(body)&^3])
	}
	b, whole := inside(b, 0x30)
	b, is := bytes.CutPrefix(b, []byte(oidSignedData))
	b, explicit := inside(b, 0xa0)
	b, data := inside(b, 0x30)
	if !whole || !is || !explicit || !data || len(b) < 3 || b[0] != 2 {
		return "", nil
	}
	algorithms, _ := inside(b[3:], 0x31)
	if !bytes.HasPrefix(algorithms, []byte{0x30}) || bytes.HasPrefix(b[3:], []byte{0x31, 0}) {
		return "", nil
	}
	if bytes.Contains(b[:min(len(b), 256)], []byte(oidTrustList)) {
		return "catalog", nil
	}
	return "cms", nil
}

// inside returns what follows the header of an element with the tag.
func inside(b []byte, tag byte) ([]byte, bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, false
	}
	n := 2
	if b[1] > 0x80 {
		n += int(b[1] & 0x7f)
	}
	return b[min(n, len(b)):], true
}
