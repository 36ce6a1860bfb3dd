package schedule

import "github.com/patchpolicy/patchpolicy/internal/problem"

// Problem is one thing that is wrong with a value. Field says where, as "weekdays"; empty means the value as a whole.
// Value is what was found; a long one is cut. Text is what is wrong and what to do.
type Problem = problem.Problem

// Invalid is the error of everything in this package that validates or parses. What names the value, as "schedule";
// Problems lists everything that is wrong with it, not only the first.
type Invalid = problem.Invalid
