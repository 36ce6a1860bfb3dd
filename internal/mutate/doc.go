// Mutate measures how much the tests of a package notice: it breaks the package's code in one small way after the other
// and runs its tests against each. A mutant that no test fails on is a survivor, and is printed.
//
//	go run ./internal/mutate [-sample N] [-seed S] [-test PACKAGES] PACKAGE…
//
// The code is never written to: the go command reads the mutated file through an overlay. Tests that note their failures
// beside them, as those of pgregory.net/rapid do, leave files behind: use a clone. The mutations: comparisons are
// turned round or moved by one, && and || are swapped, conditions are negated, numbers grow by one, plus and minus are
// swapped, true and false are swapped, and statements that are calls or assignments are left out. A mutant that does not
// compile does not count.
package main
