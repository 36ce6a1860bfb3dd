package openpgp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// The lines that a clear-signed message is made of (RFC 9580, 7).
const (
	beginSigned    = "-----BEGIN " + armorSigned + "-----"
	beginSignature = "-----BEGIN " + armorSignature + "-----"
	endSignature   = "-----END " + armorSignature + "-----"
)

// hashHeaders are the names of digests in a message's Hash header.
var hashHeaders = map[string]string{
	"MD5": "MD5", "SHA1": "SHA-1", "RIPEMD160": "RIPEMD-160", "SHA224": "SHA-224", "SHA256": "SHA-256", "SHA384": "SHA-384",
	"SHA512": "SHA-512", "SHA3-256": "SHA3-256", "SHA3-512": "SHA3-512",
}

// cleartext is a clear-signed message taken apart.
type cleartext struct {
	hashes    []string // named by its Hash headers
	text      []byte   // what the signatures cover: line ends as CR LF, without the last one and without blanks before them
	armor     []byte   // the block of signatures
	ambiguous string   // why programs differ in what the text is; empty: they do not
}

// Clearsigned judges a clear-signed message, which is message as a whole, and returns the text that its signatures cover
// and nothing else of it: with CR LF between lines, without white space at their ends and without a last line end, as it is
// signed. The text is nil unless the report's answer is Valid.
func (v *Verifier) Clearsigned(message []byte) ([]byte, Report) {
	r := Report{Kind: KindClearsigned}
	if !bytes.Contains(message, []byte(armorBegin)) {
		return nil, Report{Kind: KindNone, Answer: integrity.Signature{Status: integrity.Absent}}
	}
	if len(message) > MaxClearsigned {
		return nil, unjudged(r, integrity.OpenPGP, "the clear-signed text has %d bytes; at most %d", len(message), MaxClearsigned)
	}
	c, err := splitCleartext(message)
	if err != nil {
		r, _ = r.failed(integrity.OpenPGP, "the signed block is broken", err)
		return nil, r
	}
	data, headers, err := dearmor(c.armor, armorSignature, false)
	if err != nil {
		r, _ = r.failed(integrity.OpenPGP, "the signature block is broken", err)
		return nil, r
	}
	r = r.armored(headers)
	if len(data) == 0 {
		return nil, bad(r, integrity.OpenPGP, "the signature block is empty")
	}
	text := &subject{name: "text"}
	list, err := readSignatures(data, text)
	if err != nil {
		r, _ = r.failed(integrity.OpenPGP, "the signature block is broken", err)
		return nil, r
	}
	for _, f := range list {
		if f.packet != nil && f.Version < 6 && !slices.Contains(c.hashes, f.Digest) {
			f.drop(Broken, "its digest %s is not one of those that the message's Hash header names, %v", f.Digest, c.hashes)
		}
	}
	v.prepare(list)
	for _, d := range text.digests {
		d.state.Write(c.text) // whose line ends are as both kinds of signature want them
	}
	v.judge(list)
	for _, f := range list {
		if f.Outcome == Good && c.ambiguous != "" {
			f.drop(Unjudged, "%s", c.ambiguous)
		}
	}
	r = r.with(list, v.conclude(integrity.OpenPGP, list))
	if r.Answer.Status != integrity.Valid {
		return nil, r
	}
	return c.text, r
}

// splitCleartext takes a message apart and refuses everything that a reader might take for signed and that is not.
func splitCleartext(message []byte) (c cleartext, err error) {
	if !startsSigned(message) {
		return c, errors.New("there is text before the signed block")
	}
	c.text = []byte{}
	lines := &lineReader{rest: message}
	lines.next()
	for {
		line, more := lines.next()
		if !more {
			return c, errBlockCut
		}
		if len(line) == 0 {
			break
		}
		if err := c.header(string(line)); err != nil {
			return c, err
		}
	}
	for first := true; ; first = false {
		at := lines.rest
		line, more := lines.next()
		if !more {
			return c, errBlockCut
		}
		if string(line) == beginSignature {
			c.armor = at
			return c, c.checkArmor()
		}
		if len(line) > MaxLine {
			c.ambiguous = fmt.Sprintf("a line of the signed text has %d bytes; at most %d", len(line), MaxLine)
		}
		if bytes.HasPrefix(line, []byte("-")) {
			if string(line) == beginSigned {
				return c, errors.New("there is more than one signed block")
			}
			if !bytes.HasPrefix(line, []byte("- ")) {
				return c, fmt.Errorf("the line %.40q of the signed text is not escaped with \"- \"", line)
			}
			line = line[2:]
		}
		if bytes.ContainsAny(line, "\r") {
			c.ambiguous = strayReturn
		}
		if !first {
			c.text = append(c.text, "\r\n"...)
		}
		c.text = append(c.text, line...)
	}
}

var errBlockCut = errors.New("the signed block is cut off: it has no signature")

// header reads a header line. Only Hash may be there: others would let a reader see what is not signed.
func (c *cleartext) header(line string) error {
	values, found := strings.CutPrefix(line, "Hash: ")
	switch {
	case strings.HasPrefix(line, "NotDashEscaped:"):
		return notJudged("the signed text is not dash-escaped, a form of GnuPG's own")
	case !found:
		return fmt.Errorf("the header %.40q is not Hash", line)
	}
	for value := range strings.SplitSeq(values, ",") {
		name, known := hashHeaders[strings.TrimSpace(value)]
		if !known {
			return fmt.Errorf("the Hash header names %.40q", strings.TrimSpace(value))
		}
		c.hashes = append(c.hashes, name)
	}
	return nil
}

// checkArmor looks for what follows the signature.
func (c *cleartext) checkArmor() error {
	_, after, found := bytes.Cut(c.armor, []byte("\n"+endSignature))
	switch {
	case !found:
		return errors.New("the signed block is cut off within its signature")
	case bytes.Contains(after, []byte("\n"+beginSigned)):
		return errors.New("there is more than one signed block")
	case len(bytes.TrimSpace(after)) > 0:
		return errors.New("there is text after the signed block")
	}
	return nil
}

// startsSigned reports whether data begins with the line that begins a signed block.
func startsSigned(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return string(bytes.TrimRight(line, " \t\r")) == beginSigned
}

// clearsigned returns the whole content if it is a clear-signed text or was one: if one of its lines begins a signed block.
// A file with a NUL before that is no text, and one that is too large is none of these.
func clearsigned(content io.ReaderAt, size int64) ([]byte, error) {
	if size > MaxClearsigned {
		return nil, nil
	}
	message := make([]byte, size)
	if err := readAt(content, message, 0); err != nil {
		return nil, err
	}
	text, _, _ := bytes.Cut(message, []byte{0})
	if bytes.HasPrefix(text, []byte(beginSigned)) || bytes.Contains(text, []byte("\n"+beginSigned)) {
		return message, nil
	}
	return nil, nil
}
