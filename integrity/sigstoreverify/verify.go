package sigstoreverify

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// Verifier judges detached signatures by its signers. It is immutable and safe
// for concurrent use. Make it with [New]; the zero Verifier trusts nobody.
type Verifier struct {
	ways       []way    // in which signers are known
	names      []string // of the signers
	candidates []candidate
	identities []*identity
	pinned     []*cms.Certificate // from the identities
}

type way struct {
	name       string
	threshold  int // 1 or more
	predicates []string
}

var _ integrity.SignatureVerifier = (*Verifier)(nil)

// Verify judges a detached signature over the first size bytes of content. The
// package documentation says which answer means what.
func (v *Verifier) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	if detached == nil {
		return integrity.Signature{Status: integrity.Absent}
	}
	f, err := readFile(detached)
	if err != nil {
		return answer("", err)
	}
	if content == nil || size < 0 {
		return answer(f.format, cms.Unsupported("there is no content to judge"))
	}
	way, at, err := v.judge(f, newContent(content, size))
	if err != nil {
		return answer(f.format, err)
	}
	return integrity.Signature{Status: integrity.Valid, Format: f.format, Signer: v.ways[way].name, SignedAt: at}
}

// answer returns an error as an answer. Any error but a refusal means that the signature was not
// judged.
func answer(format integrity.Format, err error) integrity.Signature {
	s := integrity.Signature{Status: integrity.Unsupported, Format: format, Detail: err.Error()}
	if r, ok := errors.AsType[*cms.Refusal](err); ok {
		s.Status, s.Untrusted = r.Status, r.Stranger
	}
	return s
}

// judge finds the signer and, if known, the time of signing. Its errors are refusals, or about
// reading the content.
func (v *Verifier) judge(f *file, c *content) (way int, at time.Time, err error) {
	switch {
	case f.chain != nil:
		return v.judgeCertificate(f, c)
	case f.envelope != nil:
		way, err = v.judgeEnvelope(f, c)
	default:
		way, err = v.judgePlain(f, c)
	}
	return way, at, err
}

func (v *Verifier) judgePlain(f *file, c *content) (int, error) {
	for _, sig := range f.signatures {
		by, err := c.signedBy(v.candidates, sig)
		if err != nil {
			return 0, err
		}
		if by == nil {
			continue
		}
		if way := v.ways[by.way]; way.threshold > 1 {
			return 0, cms.Broken("%q must sign with %d keys, in an envelope; this is one signature", way.name, way.threshold)
		}
		return by.way, c.isFile()
	}
	fits := func(way candidate) bool { return slices.ContainsFunc(f.signatures, way.fits) }
	if err := f.recognise(); err != nil && (f.foreign() != "" || !slices.ContainsFunc(v.candidates, fits)) {
		return 0, err
	}
	if c.tooLarge {
		return 0, errTooLarge
	}
	if len(v.ways) == 0 {
		return 0, cmp.Or(c.isFile(), error(errNoKeys))
	}
	return 0, cms.Broken("it is by none of the trusted keys (%q), or the file was changed", v.names)
}

var errTooLarge = cms.Unsupported("plain Ed25519 signatures are judged up to %d MiB of content; sign with Ed25519ph", MaxPureEd25519>>20)

// errNoKeys refuses a plain signature where no key is trusted. Where one is, a stranger's
// signature looks like a changed one.
var errNoKeys = cms.Stranger("no key is trusted here, and without the signer's key nobody can say whether the signature holds")

// byCertificate checks that the certificate's own key made the signature.
func byCertificate(leaf *x509.Certificate, c *content, sig []byte) error {
	ways, err := candidates(0, 0, leaf.PublicKey)
	if err != nil {
		return cms.Unsupported("its certificate's key: %v", err)
	}
	switch by, err := c.signedBy(ways, sig); {
	case err != nil || by != nil:
		return err
	case c.tooLarge:
		return errTooLarge
	default:
		return cms.Broken("it is not by its certificate's key, or the file was changed")
	}
}

// judgeEnvelope judges an envelope by the keys: enough keys of one signer must have signed it.
func (v *Verifier) judgeEnvelope(f *file, c *content) (int, error) {
	s, err := f.envelope.statement()
	if err != nil {
		return 0, err
	}
	over := f.envelope.signed()
	signed := map[int]bool{} // by key
	count := make([]int, len(v.ways))
	for _, sig := range f.signatures {
		by, err := over.signedBy(v.candidates, sig)
		if err != nil {
			return 0, err
		}
		if by != nil && !signed[by.key] {
			signed[by.key] = true
			count[by.way]++
		}
	}
	if len(v.ways) == 0 {
		return 0, s.by(c, errNoKeys)
	}
	err = cms.Broken("its envelope is signed by none of the trusted keys (%q), or was changed", v.names)
	for i, n := range count {
		if n == 0 {
			continue
		}
		if way := v.ways[i]; n < way.threshold {
			err = cms.Broken("its envelope is signed by %d of %q's keys; want %d", n, way.name, way.threshold)
			continue
		}
		if err = v.ways[i].judgeStatement(s, c); err == nil {
			return i, nil
		}
	}
	return 0, err
}

// judgeCertificate judges a certificate's signature of the content or an envelope.
func (v *Verifier) judgeCertificate(f *file, c *content) (way int, at time.Time, err error) {
	over := c
	var s *statement
	if f.envelope != nil {
		if s, err = f.envelope.statement(); err != nil {
			return 0, at, err
		}
		over = f.envelope.signed()
	}
	err = byCertificate(f.chain[0], over, f.signatures[0])
	if err == nil && s == nil {
		err = c.isFile()
	}
	if err != nil {
		return 0, at, err
	}
	way, at, err = v.whose(f.chain, f.signatures[0], f.timestamps)
	switch {
	case s == nil:
	case err != nil:
		err = s.by(c, err)
	default:
		err = v.ways[way].judgeStatement(s, c)
	}
	return way, at, err
}

// by refuses a statement for who made it, but first for being about other files.
func (s *statement) by(c *content, who error) error {
	if cms.AsRefusal(who).Stranger {
		return cmp.Or(s.names(c), who)
	}
	return who
}

// judgeStatement checks that the statement makes the content the signer's own.
func (w way) judgeStatement(s *statement, c *content) error {
	if !slices.Contains(w.predicates, s.PredicateType) {
		return cms.Unsupported("%q makes another statement about the file (%.100q); want one of %q", w.name, s.PredicateType, w.predicates)
	}
	return s.names(c)
}

// signedBy returns the first way in which sig is a signature over the content; nil: none. The
// error is about reading the content.
func (c *content) signedBy(ways []candidate, sig []byte) (*candidate, error) {
	for i, way := range ways {
		if !way.fits(sig) {
			continue
		}
		if way.hash == whole && c.size > MaxPureEd25519 {
			c.tooLarge = true
			continue
		}
		digest, err := c.digest(way.hash)
		if err != nil {
			return nil, fmt.Errorf("the content cannot be read: %w", err)
		}
		if way.holds(digest, sig) {
			return &ways[i], nil
		}
	}
	return nil, nil
}
