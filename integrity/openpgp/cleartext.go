package openpgp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

var hashHeaders = map[string]string{
	"MD5": "MD5", "SHA1": "SHA-1", "RIPEMD160": "RIPEMD-160", "SHA224": "SHA-224", "SHA256": "SHA-256", "SHA384": "SHA-384",
	"SHA512": "SHA-512", "SHA3-256": "SHA3-256", "SHA3-512": "SHA3-512",
}

type cleartext struct {
	subject
	hashes []string // named by its Hash headers
	text   []byte   // what the signatures cover: line ends as CR LF, without the last one and without blanks before them
	armor  []byte   // the block of signatures
}

// Clearsigned judges a clear-signed message, which must be all of message. It
// returns exactly the text that the signatures cover: CR LF between lines, no
// white space at their ends, no last line end. The text is nil unless the
// answer is Valid.
func (v *Verifier) Clearsigned(message []byte) ([]byte, Report) {
	if !bytes.Contains(message, []byte(armorBegin)) {
		return nil, Report{Kind: KindNone, Answer: integrity.Signature{Status: integrity.Absent}}
	}
	r := Report{Kind: KindClearsigned}
	c, err := splitCleartext(message)
	var list []*found
	if err == nil {
		list, err = r.readArmored(c.armor, &c.subject)
	}
	if err != nil {
		r, _ = r.failed(err)
		return nil, r
	}
	for _, f := range list {
		if f.packet != nil && f.Version < 6 && !slices.Contains(c.hashes, f.Digest) {
			f.drop(Broken, "its digest %s is not one of those that the message's Hash header names, %v", f.Digest, c.hashes)
		}
	}
	v.prepare(list)
	for _, d := range c.digests {
		d.state.Write(c.text) // whose line ends are as both kinds of signature want them
	}
	v.judge(list)
	r = r.with(list, v.conclude(integrity.OpenPGP, list))
	if r.Answer.Status != integrity.Valid {
		return nil, r
	}
	return c.text, r
}

// splitCleartext splits a message and refuses everything that a reader could mistake for signed.
func splitCleartext(message []byte) (c cleartext, err error) {
	if len(message) > MaxClearsigned {
		return c, notJudged("the clear-signed text has %d bytes; at most %d are allowed", len(message), MaxClearsigned)
	}
	c.name, c.text = "text", []byte{}
	place, rest := outside, message
	for line := range bytes.Lines(message) {
		block := rest
		rest = rest[len(line):]
		line = bytes.TrimRight(line, blanks)
		switch {
		case place == outside && string(line) == beginSigned:
			place = inHeaders
		case place == outside:
			return c, errors.New("there is text before the signed block")
		case place == inHeaders && len(line) == 0:
			place = inBody
		case place == inHeaders:
			if err := c.header(string(line)); err != nil {
				return c, err
			}
		case string(line) == beginSignature:
			c.text, c.armor = bytes.TrimSuffix(c.text, []byte("\r\n")), block
			return c, c.checkArmor()
		case string(line) == beginSigned:
			return c, errSecondBlock
		case bytes.HasPrefix(line, []byte("-")) && !bytes.HasPrefix(line, []byte("- ")):
			return c, fmt.Errorf("the line %.40q of the signed text is not escaped with \"- \"", line)
		default:
			if len(line) > MaxLine {
				c.ambiguous = fmt.Sprintf("a line of the signed text has %d bytes; at most %d are allowed", len(line), MaxLine)
			}
			if bytes.ContainsRune(line, '\r') {
				c.ambiguous = strayReturn
			}
			c.text = append(append(c.text, bytes.TrimPrefix(line, []byte("- "))...), "\r\n"...)
		}
	}
	return c, errors.New("the signed block is cut off: it has no signature")
}

var errSecondBlock = errors.New("there is more than one signed block")

// header reads a header line. Only Hash is allowed: others could show a reader what is not
// signed.
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

// checkArmor refuses anything after the signature.
func (c *cleartext) checkArmor() error {
	_, after, found := bytes.Cut(c.armor, []byte("\n"+endSignature))
	switch {
	case !found:
		return errors.New("the signed block is cut off within its signature")
	case bytes.Contains(after, []byte("\n"+beginSigned)):
		return errSecondBlock
	case len(bytes.TrimSpace(after)) > 0:
		return errors.New("there is text after the signed block")
	}
	return nil
}
