// Package archtest holds the tests of the architecture itself: it has no code
// that a program could import.
//
// What "go test ./internal/archtest" proves about the tree it stands in:
//
//   - every package imports only what the table in rooms_test.go grants it, with the reason beside each grant, and only
//     from floors below its own; a grant nobody uses, a package without an entry and an entry without a package fail
//   - importing a core links exactly the modules the same table names
//   - the cores read no clock, draw no randomness, open, print and log nothing, start no goroutine, keep no state in
//     package variables and decide nothing with floating-point numbers
//   - each folder has one package comment, and each exported name that a program of somebody else could write has a comment
//     and is used by a test, an example or another package
//   - go.mod is tidy
//   - each rule of the rule book stands in a package comment and is cited by a test, or says that it is not built yet;
//     "go test -v -run Rules ./internal/archtest" lists who cites what
//   - no file names a package repository's host or a folder of this machine
//   - the programs' mains stay small, and nothing but tests imports "testing"
//   - the README's example is an Example that go test runs, and its table of costs is what the go command says;
//     "go test ./internal/archtest -run README -rewrite" brings the table up to date
//
// Each check is a function from a tree to a list of problems, and each is shown
// to fail on a planted violation.
package archtest
