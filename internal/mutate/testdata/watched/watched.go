// Package watched is half tested.
package watched

import "path/filepath"

func less(a, b int) bool { return a != b }

// Unwatched is called by no test.
func Unwatched(a, b int) bool { return a == b && filepath.IsAbs("") }
