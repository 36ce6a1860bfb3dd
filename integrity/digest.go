package integrity

import (
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
	if !found {
		return Digest{}, &InvalidDigest{Text: problem.Clip(s, maxQuoted), Problem: `want an algorithm, a colon and hex, as in "sha256:9f86…"`}
	}
	a, err := ParseAlgorithm(name)
	if err != nil {
		return Digest{}, &InvalidDigest{Text: problem.Clip(s, maxQuoted), Problem: fmt.Sprintf("want an algorithm of %v before the colon", Algorithms())}
	}
	d := Digest{Algorithm: a, Sum: strings.ToLower(sum)}
	if err := d.check(); err != nil {
		return Digest{}, err
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
	if err := d.check(); err != nil {
		return nil, err
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads the text form as ParseDigest does.
func (d *Digest) UnmarshalText(text []byte) error {
	v, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// check returns an *InvalidDigest unless d has a known algorithm and a lower-case hex sum of its length.
func (d Digest) check() error {
	fault := ""
	if size := d.Algorithm.Size(); size == 0 {
		fault = fmt.Sprintf("want an algorithm of %v", Algorithms())
	} else if len(d.Sum) != 2*size {
		fault = fmt.Sprintf("%s has %d hex digits, not %d", d.Algorithm, 2*size, len(d.Sum))
	} else if strings.Trim(d.Sum, "0123456789abcdef") != "" {
		fault = "want hex digits only"
	} else {
		return nil
	}
	return &InvalidDigest{Text: problem.Clip(d.String(), maxQuoted), Problem: fault}
}

// Digester digests what is written to it by several algorithms in one pass and counts it. Make it with NewDigester.
// It must not be used by two goroutines at once.
type Digester struct {
	algs   []Algorithm
	hashes []hash.Hash
	size   int64
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
	d.size += int64(len(p))
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

// Size returns how many bytes were written so far.
func (d *Digester) Size() int64 { return d.size }

// distinct returns the known algorithms among algs, each once, in the order of Algorithms.
func distinct(algs []Algorithm) []Algorithm {
	return slices.DeleteFunc(Algorithms(), func(a Algorithm) bool { return !slices.Contains(algs, a) })
}
