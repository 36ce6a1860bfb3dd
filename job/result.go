package job

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Result is how an order ended, or, for the two Pending ones, what it waits for (JOB-16).
type Result uint8

// The results.
const (
	Completed Result = 1 + iota
	CompletedWithFailures
	Failed
	Cancelled
	Withdrawn
	TimedOut
	NotApplicable
	PendingReboot
	PendingVerification
)

var results = enum.Of[Result]("result", "Completed", "CompletedWithFailures", "Failed", "Cancelled", "Withdrawn", "TimedOut",
	"NotApplicable", "PendingReboot", "PendingVerification")

// String returns the result's name.
func (r Result) String() string { return results.String(r) }

// MarshalText returns the name.
func (r Result) MarshalText() ([]byte, error) { return results.MarshalText(r) }

// UnmarshalText sets the result by its name; the error is an unknown name.
func (r *Result) UnmarshalText(text []byte) error { return results.UnmarshalText(text, r) }

// ParseResult finds a result by its name.
func ParseResult(name string) (Result, error) { return results.Parse(name) }

// Results lists every result in order.
func Results() []Result { return results.All() }
