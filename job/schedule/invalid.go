package schedule

import "github.com/patchpolicy/patchpolicy/internal/problem"

// Invalid is the error of everything in this package that validates or parses. What names the value, as "schedule";
// Problems lists everything that is wrong with it, not only the first.
type Invalid = problem.Invalid
