package integrity

import (
	"crypto"
	_ "crypto/md5" // what hashes names
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Algorithm is a digest algorithm.
type Algorithm uint8

// The algorithms. SHA1 and MD5 carry trust only if Expectation.AllowLegacy is
// set (INT-7).
const (
	SHA256 Algorithm = 1 + iota
	SHA384
	SHA512
	SHA1
	MD5
)

// Unknown is the algorithm of a digest that this release cannot read: see
// [Digest.KeepUnknown].
const Unknown Algorithm = enum.Unknown

var algorithms = enum.Of[Algorithm]("digest algorithm", "sha256", "sha384", "sha512", "sha1", "md5")

var hashes = map[Algorithm]crypto.Hash{SHA256: crypto.SHA256, SHA384: crypto.SHA384, SHA512: crypto.SHA512, SHA1: crypto.SHA1, MD5: crypto.MD5}

// Hash returns the algorithm as a crypto.Hash; zero for an unknown algorithm.
func (a Algorithm) Hash() crypto.Hash { return hashes[a] }

// Size returns the length of a sum in bytes; zero for an unknown algorithm.
func (a Algorithm) Size() int {
	if hash, known := hashes[a]; known {
		return hash.Size()
	}
	return 0
}

// Legacy reports whether the algorithm carries trust only if that is explicitly
// allowed (INT-7). It is false for an unknown algorithm.
func (a Algorithm) Legacy() bool { return a == SHA1 || a == MD5 }

// String returns the algorithm's name, as in a digest's text form.
func (a Algorithm) String() string { return algorithms.String(a) }

// MarshalText returns the algorithm's name, the empty text for zero, or an
// error for an unknown algorithm.
func (a Algorithm) MarshalText() ([]byte, error) { return algorithms.MarshalText(a) }

// UnmarshalText sets the algorithm called text; the empty text is zero.
func (a *Algorithm) UnmarshalText(text []byte) error { return algorithms.UnmarshalText(text, a) }

// ParseAlgorithm returns the algorithm with the name.
func ParseAlgorithm(s string) (Algorithm, error) { return algorithms.Parse(s) }

// Algorithms lists the algorithms in order.
func Algorithms() []Algorithm { return algorithms.All() }

// byStrength lists the algorithms in the order in which they are compared.
var byStrength = [...]Algorithm{SHA512, SHA384, SHA256, SHA1, MD5}
