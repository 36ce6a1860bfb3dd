// Package version reads and orders the versions of software in the schemes their makers use.
//
// A [Version] is a text that is valid in one [Scheme]. [Parse] makes one, [Version.Compare] orders two of the same
// scheme without allocating, and every order is total: reflexive, antisymmetric and transitive. Versions of different
// schemes, and the zero Version, have no order; Compare says so instead of guessing (CAT-3, Unorderable).
//
// # Schemes
//
// semver is Semantic Versioning 2.0.0: MAJOR.MINOR.PATCH without a leading "v", an optional pre-release after "-", and
// optional build metadata after "+". Build metadata takes no part in the order: 1.0.0+a and 1.0.0+b are equal in
// precedence, though == tells them apart. What is valid is decided by StrictNewVersion of Masterminds/semver: each of
// the three numbers fits 64 bits. Numeric pre-release identifiers of any length compare as numbers.
//
// debian is deb-version(7): [epoch:]upstream[-revision]. The epoch is a number up to 2147483647, zero when it is
// missing. The revision is what follows the last hyphen, and a missing one equals "0". Upstream and revision consist of
// letters, digits and ". + ~", upstream also of "-" and, when there is an epoch, ":". That an upstream version begins
// with a digit is a recommendation there and not asked for here, as dpkg itself orders such versions. The order is that
// of dpkg: a tilde sorts before everything, even the end; letters before other characters; numbers by value.
//
// dotted is one to eight decimal numbers of any length with dots between, as Windows and Chrome use. Leading zeros
// count for nothing and missing numbers are zero: 1.2 equals 1.2.0.0.
//
// # Text form
//
// [Version.MarshalText] gives the scheme, a colon and the text: "debian:1:2.36-9+deb12u4". The zero Version is the
// empty text.
package version
