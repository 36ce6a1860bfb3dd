package job

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Result says how an order ended, or with the two Pending results what it waits
// for (JOB-16).
type Result uint8

// The results.
const (
	Completed             Result = 1 + iota // everything that applied succeeded
	CompletedWithFailures                   // some patches or actions failed, and some did not
	Failed                                  // nothing succeeded, or failures left nothing to deploy (JOB-2)
	Cancelled                               // before the deploy stage (JOB-3)
	Withdrawn                               // before the execution started (JOB-5)
	TimedOut                                // the window ended or a newer run was due before it could start, or the start was past (JOB-9, JOB-11, JOB-12)
	NotApplicable                           // no patch applied, and there was no action (JOB-2)
	PendingReboot                           // deployed; the result is known after the reboot (JOB-18)
	PendingVerification                     // deployed; the inventory cannot be taken, and is tried again (JOB-18, JOB-21)
)

var results = enum.Of[Result]("result", "Completed", "CompletedWithFailures", "Failed", "Cancelled", "Withdrawn", "TimedOut",
	"NotApplicable", "PendingReboot", "PendingVerification")

// String returns the result's name.
func (r Result) String() string { return results.String(r) }

// MarshalText returns the name.
func (r Result) MarshalText() ([]byte, error) { return results.MarshalText(r) }

// UnmarshalText sets the result by its name. The error is an unknown name.
func (r *Result) UnmarshalText(text []byte) error { return results.UnmarshalText(text, r) }

// ParseResult finds a result by its name. The error lists the names.
func ParseResult(name string) (Result, error) { return results.Parse(name) }

// Results lists every result in order.
func Results() []Result { return results.All() }
