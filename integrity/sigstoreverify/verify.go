package sigstoreverify

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Verifier judges detached signatures by its keys. It is immutable and safe for concurrent use. Make it with New.
type Verifier struct {
	candidates []candidate
	names      []string
}

var _ integrity.SignatureVerifier = (*Verifier)(nil)

// New returns a verifier that trusts the given keys, 1 to MaxKeys of them, or an *InvalidKeys.
func New(keys ...Key) (*Verifier, error) {
	var bad []KeyProblem
	if len(keys) == 0 || len(keys) > MaxKeys {
		bad = append(bad, KeyProblem{Index: -1, Text: fmt.Sprintf("%d keys; want 1 to %d", len(keys), MaxKeys)})
		keys = keys[:min(len(keys), MaxKeys)]
	}
	v := &Verifier{}
	seen := map[string]int{} // DER of a key -> its index
	for i, k := range keys {
		problem := func(format string, args ...any) {
			bad = append(bad, KeyProblem{Index: i, Name: k.Name, Text: fmt.Sprintf(format, args...)})
		}
		pub, err := parse(k)
		if err != nil {
			problem("%v", err)
			continue
		}
		der, err := cryptoutils.MarshalPublicKeyToDER(pub)
		if err != nil {
			problem("%v", err)
			continue
		}
		if first, twice := seen[string(der)]; twice {
			problem("the same key as key %d (%q); a signature must name one signer, so give it once", first, keys[first].Name)
			continue
		}
		seen[string(der)] = i
		ways, err := candidates(k.Name, pub)
		if err != nil {
			problem("%v", err)
			continue
		}
		v.candidates = append(v.candidates, ways...)
		if !slices.Contains(v.names, k.Name) {
			v.names = append(v.names, k.Name)
		}
	}
	if bad != nil {
		return nil, &InvalidKeys{Problems: bad}
	}
	// Usual ways first, and what needs the whole content in memory last.
	slices.SortStableFunc(v.candidates, func(a, b candidate) int { return cmp.Compare(a.rank(), b.rank()) })
	return v, nil
}

func (c candidate) rank() int {
	switch {
	case c.usual:
		return 0
	case c.hash != whole:
		return 1
	default:
		return 2
	}
}

// Verify judges a detached signature over the first size bytes of content. See the package documentation for which
// answer means what.
func (v *Verifier) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	if detached == nil {
		return integrity.Signature{Status: integrity.Absent}
	}
	if answer, foreign := notPlain(detached); foreign {
		return answer
	}
	if content == nil || size < 0 {
		return unsupported("there is no content to judge")
	}
	c := newContent(content, size)
	tooLarge := false
	for _, sig := range forms(detached) {
		for _, way := range v.candidates {
			if len(sig) < way.min || len(sig) > way.max {
				continue
			}
			if way.hash == whole && size > MaxPureEd25519 {
				tooLarge = true
				continue
			}
			ok, err := c.verify(way, sig)
			if err != nil {
				return unsupported("the content cannot be read: " + err.Error())
			}
			if ok {
				return integrity.Signature{Status: integrity.Valid, Signer: way.signer}
			}
		}
	}
	if tooLarge {
		return unsupported(fmt.Sprintf("plain Ed25519 signatures are judged up to %d MiB of content; sign with Ed25519ph", MaxPureEd25519>>20))
	}
	return integrity.Signature{Status: integrity.Bad, Detail: fmt.Sprintf("it is by none of the trusted keys (%q), or the file was changed", v.names)}
}

// notPlain answers for signature files that are no plain signature.
func notPlain(detached []byte) (integrity.Signature, bool) {
	text := bytes.TrimSpace(detached)
	switch {
	case len(text) == 0:
		return integrity.Signature{Status: integrity.Bad, Detail: "the signature file is empty"}, true
	case len(detached) > MaxSignature:
		return unsupported(fmt.Sprintf("the signature file has %d bytes; at most %d", len(detached), MaxSignature)), true
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		return unsupported("the signature file is armored (OpenPGP, PEM); want a plain signature, raw or in base64"), true
	case text[0] == '{' && json.Valid(text):
		return unsupported("the signature file is JSON (a bundle); want a plain signature, raw or in base64"), true
	default:
		return integrity.Signature{}, false
	}
}

// forms lists what the signature's bytes may be: the file as it is, and the file as base64 if it is that.
func forms(detached []byte) [][]byte {
	out := [][]byte{detached}
	if raw, err := base64.StdEncoding.Strict().AppendDecode(nil, bytes.TrimSpace(detached)); err == nil {
		out = append(out, raw)
	}
	return out
}

func unsupported(detail string) integrity.Signature {
	return integrity.Signature{Status: integrity.Unsupported, Detail: detail}
}

// verify reports whether sig is a signature over the content made that way; an error is about reading the content.
func (c *content) verify(way candidate, sig []byte) (bool, error) {
	if way.hash == whole {
		r := c.reader()
		err := way.verifier.VerifySignature(bytes.NewReader(sig), r)
		return err == nil && r.err == nil, r.err
	}
	digest, err := c.digest(way.hash)
	if err != nil {
		return false, err
	}
	return way.verifier.VerifySignature(bytes.NewReader(sig), nil, options.WithDigest(digest)) == nil, nil
}
