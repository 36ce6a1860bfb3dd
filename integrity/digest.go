package integrity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Digest is the digest of some bytes. Its text form is "sha256:" and lower-case
// hex. Digests compare with ==. A digest of the algorithm Unknown comes from
// another release (MAN-11): it is written as it was read, and proves nothing.
type Digest struct {
	Algorithm Algorithm
	Sum       string // lower-case hex; of an unknown algorithm the whole text form
}

// InvalidDigest says why a text is not a digest, or why a Digest has no text
// form. It is not an [Invalid], because a damaged record is not the fault of
// whoever asked for it.
type InvalidDigest struct {
	Text    string // what was refused, cut short
	Problem string // what is wrong and what is wanted
}

func (e *InvalidDigest) Error() string {
	return fmt.Sprintf("invalid digest %q: %s", e.Text, e.Problem)
}

// ParseDigest reads the text form: an algorithm's name, a colon, and a sum in
// hex of the algorithm's length. Upper-case hex becomes lower case. The error
// is an [InvalidDigest].
func ParseDigest(s string) (Digest, error) {
	name, sum, found := strings.Cut(s, ":")
	a, err := ParseAlgorithm(name)
	d := Digest{Algorithm: a, Sum: strings.ToLower(sum)}
	fault := d.fault()
	switch {
	case !found:
		fault = `want an algorithm, a colon and hex, as in "sha256:9f86…"`
	case err != nil:
		fault = fmt.Sprintf("want an algorithm of %v before the colon", Algorithms())
	}
	if fault != "" {
		return Digest{}, &InvalidDigest{problem.Clip(s, maxQuoted), fault}
	}
	return d, nil
}

// String returns the text form, of an invalid digest too.
func (d Digest) String() string {
	if d.Algorithm == Unknown {
		return problem.Printable(d.Sum)
	}
	return d.Algorithm.String() + ":" + d.Sum
}

// KeepUnknown sets d to a digest of the algorithm Unknown with the given text
// form, cut to 256 bytes. Call it for text that UnmarshalText refuses, if
// another release may have written the text (MAN-11).
func (d *Digest) KeepUnknown(text string) { *d = Digest{Unknown, problem.Clip(text, maxUnknown)} }

// NotKnown names what this release does not know about the digest, as in
// `algorithm "blake3"`. It is empty if the digest is known.
func (d Digest) NotKnown() string {
	if d.Algorithm != Unknown {
		return ""
	}
	name, _, found := strings.Cut(d.Sum, ":")
	if _, err := ParseAlgorithm(name); found && err != nil {
		return fmt.Sprintf("algorithm %q", problem.Clip(name, maxQuoted))
	}
	return fmt.Sprintf("digest %q", problem.Clip(d.Sum, maxQuoted))
}

// MarshalText returns the text form. The error is an [InvalidDigest] if
// ParseDigest would refuse the text; that includes the zero Digest.
func (d Digest) MarshalText() ([]byte, error) {
	if d.Algorithm == Unknown {
		return []byte(d.Sum), nil
	}
	if fault := d.fault(); fault != "" {
		return nil, &InvalidDigest{problem.Clip(d.String(), maxQuoted), fault}
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads the text form, as [ParseDigest] does.
func (d *Digest) UnmarshalText(text []byte) error {
	v, err := ParseDigest(string(text))
	if err == nil {
		*d = v
	}
	return err
}

// fault says what is wrong with the digest; empty: nothing.
func (d Digest) fault() string {
	switch size := d.Algorithm.Size(); {
	case size == 0:
		return fmt.Sprintf("want an algorithm of %v", Algorithms())
	case len(d.Sum) != 2*size:
		return fmt.Sprintf("%s has %d hex digits, not %d", d.Algorithm, 2*size, len(d.Sum))
	case strings.Trim(d.Sum, "0123456789abcdef") != "":
		return "want hex digits only"
	default:
		return ""
	}
}

func sha256Of(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest{SHA256, hex.EncodeToString(sum[:])}
}

// Digester digests what is written to it by several algorithms at once. Make it
// with [NewDigester]. It is not safe for concurrent use.
type Digester struct {
	algs   []Algorithm
	hashes []hash.Hash
}

// NewDigester returns a Digester for the algorithms. It skips repeated and
// unknown ones.
func NewDigester(algs ...Algorithm) *Digester {
	d := &Digester{}
	for _, a := range distinct(algs) {
		d.algs = append(d.algs, a)
		d.hashes = append(d.hashes, a.Hash().New())
	}
	return d
}

// Write digests p. It never fails.
func (d *Digester) Write(p []byte) (int, error) {
	for _, h := range d.hashes {
		h.Write(p) // never fails
	}
	return len(p), nil
}

// Sums returns the digests of what was written so far, one per algorithm, in
// the order of [Algorithms]. More may be written afterwards.
func (d *Digester) Sums() []Digest {
	sums := make([]Digest, len(d.algs))
	for i, a := range d.algs {
		sums[i] = Digest{Algorithm: a, Sum: hex.EncodeToString(d.hashes[i].Sum(nil))}
	}
	return sums
}

// distinct returns the known algorithms among algs, each once, in the order of Algorithms.
func distinct(algs []Algorithm) []Algorithm {
	return slices.DeleteFunc(Algorithms(), func(a Algorithm) bool { return !slices.Contains(algs, a) })
}
