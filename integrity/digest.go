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

// Digest is the digest of some bytes. Its text form is "sha256:" and lower-case hex. Digests compare with ==.
//
// One of the algorithm Unknown came from another release (MAN-11). It is written as it came, and proves nothing.
type Digest struct {
	Algorithm Algorithm
	Sum       string // lower-case hex; of an unknown algorithm the whole text form
}

// InvalidDigest says why a text is not a digest, or why a Digest has no text form. It is not an [Invalid], so that a digest
// in a damaged record is not taken for a mistake of whoever asked for the record.
type InvalidDigest struct {
	Text    string // what was refused, cut short
	Problem string // what is wrong and what is wanted
}

func (e *InvalidDigest) Error() string {
	return fmt.Sprintf("invalid digest %q: %s", e.Text, e.Problem)
}

// ParseDigest reads the text form: an algorithm's name, a colon, and the sum in hex of exactly the algorithm's length.
// Upper-case hex is taken and becomes lower case. It returns an *InvalidDigest.
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

// String returns the text form. It prints an invalid digest too, as what it is.
func (d Digest) String() string {
	if d.Algorithm == Unknown {
		return problem.Printable(d.Sum)
	}
	return d.Algorithm.String() + ":" + d.Sum
}

// KeepUnknown makes d the digest of an unknown algorithm that has the given text form, cut to maxUnknown bytes. Whoever
// reads what another release may have written calls it with what UnmarshalText refuses (MAN-11).
func (d *Digest) KeepUnknown(text string) { *d = Digest{Unknown, problem.Clip(text, maxUnknown)} }

// NotKnown names what this release does not know of a digest, as `algorithm "blake3"`; empty: it knows all.
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

// MarshalText returns the text form. It returns an *InvalidDigest for a digest that ParseDigest would not give, the
// zero Digest included.
func (d Digest) MarshalText() ([]byte, error) {
	if d.Algorithm == Unknown {
		return []byte(d.Sum), nil
	}
	if fault := d.fault(); fault != "" {
		return nil, &InvalidDigest{problem.Clip(d.String(), maxQuoted), fault}
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads the text form as ParseDigest does.
func (d *Digest) UnmarshalText(text []byte) error {
	v, err := ParseDigest(string(text))
	if err == nil {
		*d = v
	}
	return err
}

// fault says what is wrong unless d has a known algorithm and a lower-case hex sum of its length.
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

// sha256Of is the SHA-256 of the bytes.
func sha256Of(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest{SHA256, hex.EncodeToString(sum[:])}
}

// Digester digests what is written to it by several algorithms in one pass. Make it with NewDigester.
// It must not be used by two goroutines at once.
type Digester struct {
	algs   []Algorithm
	hashes []hash.Hash
}

// NewDigester returns a Digester for the given algorithms; repeated and unknown ones are left out.
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
		h.Write(p) // a hash.Hash never returns an error
	}
	return len(p), nil
}

// Sums returns the digests of what was written so far, one an algorithm, in the order of Algorithms. More may be written.
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
