package schedule

import "github.com/patchpolicy/patchpolicy/internal/problem"

// Problem is one thing that is wrong with a value. Field is the JSON name of
// the field.
type Problem = problem.Problem

// Invalid is the error of everything in this package that validates or parses.
// It lists every problem, not only the first.
type Invalid = problem.Invalid
