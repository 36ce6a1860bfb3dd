// Package watched is half tested.
package watched

import "path/filepath"

func less(a, b int) bool { return a != b }

func upTo(n int) (i int) {
	for i != n {
		i++
	}
	return i
}

// Unwatched is called by no test.
func Unwatched(a, b int) bool { return a == b && filepath.IsAbs("") }
