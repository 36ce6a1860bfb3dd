// Package archtest tests the architecture itself. It has no code that a program
// could import.
//
// "go test ./internal/archtest" proves about the tree around it:
//
//   - Every package imports only what the table in rooms_test.go grants, with
//     the reason next to each grant, and only from lower floors. An unused
//     grant, a package without an entry and an entry without a package fail.
//   - Importing a core links exactly the modules that the table names.
//   - The cores read no clock, use no randomness, open, print and log nothing,
//     start no goroutine, keep no state in package variables and decide nothing
//     with floating-point numbers.
//   - Each folder has one package comment. Each exported name that another
//     module could use has a comment, and an example, a program or another
//     package uses it.
//   - go.mod is tidy.
//   - A package comment states each rule of the rule book, and a test cites it,
//     or the rule says that it is not built yet. "go test -v -run Rules
//     ./internal/archtest" lists the citations.
//   - No file names a package repository's host or a folder of this machine.
//   - The main packages stay small, and only tests import "testing".
//   - The README's example compiles and prints what it says, and the table in
//     COSTS.md is what the go command says. "go test ./internal/archtest -run
//     Costs -rewrite" updates the table.
//   - No text has the phrases of prose_test.go.
//
// Each check is shown to fail on a small tree made for it.
package archtest
