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

// The algorithms. SHA1 and MD5 carry trust only where Expectation.AllowLegacy says so (INT-7).
const (
	SHA256 Algorithm = 1 + iota
	SHA384
	SHA512
	SHA1
	MD5
)

// Unknown is the algorithm of a digest whose algorithm, or whose text, this release does not know: see [Digest.KeepUnknown].
const Unknown Algorithm = enum.Unknown

var algorithms = enum.Of[Algorithm]("digest algorithm", "sha256", "sha384", "sha512", "sha1", "md5")

var hashes = map[Algorithm]crypto.Hash{SHA256: crypto.SHA256, SHA384: crypto.SHA384, SHA512: crypto.SHA512, SHA1: crypto.SHA1, MD5: crypto.MD5}

// Hash is the algorithm by its number in package crypto; zero for an unknown algorithm.
func (a Algorithm) Hash() crypto.Hash { return hashes[a] }

// Size is the length of the algorithm's sums in bytes; zero for an unknown algorithm.
func (a Algorithm) Size() int {
	if hash, known := hashes[a]; known {
		return hash.Size()
	}
	return 0
}

// Legacy reports whether the algorithm carries trust only by the explicit switch (INT-7). An unknown one does so never.
func (a Algorithm) Legacy() bool { return a == SHA1 || a == MD5 }

// String returns the algorithm's name, as in a digest's text form.
func (a Algorithm) String() string { return algorithms.String(a) }

// MarshalText returns the algorithm's name, the empty text for zero, or an error for an unknown algorithm.
func (a Algorithm) MarshalText() ([]byte, error) { return algorithms.MarshalText(a) }

// UnmarshalText sets the algorithm called text; the empty text is zero.
func (a *Algorithm) UnmarshalText(text []byte) error { return algorithms.UnmarshalText(text, a) }

// ParseAlgorithm finds an algorithm by its name.
func ParseAlgorithm(s string) (Algorithm, error) { return algorithms.Parse(s) }

// Algorithms lists the algorithms in order.
func Algorithms() []Algorithm { return algorithms.All() }

// byStrength lists the algorithms, the one to compare first first.
var byStrength = [...]Algorithm{SHA512, SHA384, SHA256, SHA1, MD5}
