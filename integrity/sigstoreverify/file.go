package sigstoreverify

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// file is a signature file that was read and not yet judged.
type file struct {
	format     integrity.Format    // Key, Certificate or DSSE
	kind       string              // in words, for people
	signatures [][]byte            // of the envelope, or what the bytes of one over the content may be
	envelope   *envelope           // with DSSE
	chain      []*x509.Certificate // the signer's own first; none where the signature is by a key that is known otherwise
	timestamps [][]byte            // RFC 3161, over the signature
	logged     int                 // entries of a transparency log, which are not judged
}

// readFile reads a signature file. Its errors are refusals.
func readFile(detached []byte) (*file, error) {
	text := bytes.Trim(detached, " \t\r\n") // the white space of JSON
	switch {
	case len(text) == 0:
		return nil, cms.Broken("the signature file is empty")
	case text[0] == '{' && len(detached) <= MaxDocument && json.Valid(text):
		return readDocument(text)
	case len(detached) > MaxDocument, text[0] != '{' && len(detached) > MaxSignature:
		return nil, cms.Unsupported("the signature file has %d bytes; at most %d, or %d of JSON", len(detached), MaxSignature, MaxDocument)
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return nil, cms.Unsupported("the signature file is armored (OpenPGP, PEM); want a signature as it is, in base64, or in a bundle")
	}
	f := &file{format: integrity.Key, kind: "a signature as it is", signatures: [][]byte{detached}}
	if raw, err := base64.StdEncoding.Strict().AppendDecode(nil, text); err == nil {
		f.kind = "a signature in base64"
		f.signatures = append(f.signatures, raw)
	}
	return f, nil
}

// decode64 reads base64, standard or for URLs.
func decode64(s string) ([]byte, bool) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := e.Strict().DecodeString(s); err == nil && len(b) > 0 {
			return b, true
		}
	}
	return nil, false
}

// recognise refuses what is not a signature of a kind that is judged: unknown is not bad (INT-9).
func (f *file) recognise() error {
	if slices.ContainsFunc(f.signatures, func(sig []byte) bool { return len(makers(sig)) > 0 }) {
		return nil
	}
	if what := f.foreign(); what != "" {
		return cms.Unsupported("the signature file is %s; want a signature by a key, an envelope or a bundle", what)
	}
	b := f.signatures[len(f.signatures)-1]
	control := func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) && utf8.Valid(b) && !bytes.ContainsFunc(b, control) {
		return cms.Broken("the signature file is JSON that is cut off or damaged")
	}
	return cms.Unsupported("the signature, of %d bytes, is of no kind that is known", len(b))
}
