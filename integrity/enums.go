package integrity

import "fmt"

// String returns the algorithm's name, as in a digest's text form.
func (a Algorithm) String() string { return algorithms.String(a) }

// MarshalText returns the algorithm's name, the empty text for zero, or an error for an unknown algorithm.
func (a Algorithm) MarshalText() ([]byte, error) { return algorithms.MarshalText(a) }

// UnmarshalText sets the algorithm called text; the empty text is zero.
func (a *Algorithm) UnmarshalText(text []byte) error { return algorithms.UnmarshalText(text, a) }

// ParseAlgorithm finds an algorithm by its name.
func ParseAlgorithm(s string) (Algorithm, error) { return algorithms.Parse(s) }

// Algorithms lists the algorithms in order.
func Algorithms() []Algorithm { return algorithms.All() }

// String returns the status's name.
func (s Status) String() string { return statuses.String(s) }

// MarshalText returns the status's name, the empty text for zero, or an error for an unknown status.
func (s Status) MarshalText() ([]byte, error) { return statuses.MarshalText(s) }

// UnmarshalText sets the status called text; the empty text is zero.
func (s *Status) UnmarshalText(text []byte) error { return statuses.UnmarshalText(text, s) }

// ParseStatus finds a status by its name.
func ParseStatus(s string) (Status, error) { return statuses.Parse(s) }

// Statuses lists the statuses in order.
func Statuses() []Status { return statuses.All() }

// String returns the reason's name.
func (r Reason) String() string { return reasons.String(r) }

// MarshalText returns the reason's name, the empty text for zero, or an error for an unknown reason.
func (r Reason) MarshalText() ([]byte, error) { return reasons.MarshalText(r) }

// UnmarshalText sets the reason called text; the empty text is zero.
func (r *Reason) UnmarshalText(text []byte) error { return reasons.UnmarshalText(text, r) }

// ParseReason finds a reason by its name.
func ParseReason(s string) (Reason, error) { return reasons.Parse(s) }

// Reasons lists the reasons in order.
func Reasons() []Reason { return reasons.All() }

// String returns the outcome's name.
func (c Checksum) String() string { return checksums.String(c) }

// MarshalText returns the outcome's name, the empty text for zero, or an error for an unknown outcome.
func (c Checksum) MarshalText() ([]byte, error) { return checksums.MarshalText(c) }

// UnmarshalText sets the outcome called text; the empty text is zero.
func (c *Checksum) UnmarshalText(text []byte) error { return checksums.UnmarshalText(text, c) }

// ParseChecksum finds an outcome by its name.
func ParseChecksum(s string) (Checksum, error) { return checksums.Parse(s) }

// Checksums lists the outcomes in order.
func Checksums() []Checksum { return checksums.All() }

// String returns the code's name as the vendor publishes it, or "integrity code(n)".
func (c Code) String() string {
	switch c {
	case FileValidationFailed:
		return "FileValidationFailed"
	case FileSignatureFailed:
		return "FileSignatureFailed"
	case FileHashValidationFailed:
		return "FileHashValidationFailed"
	default:
		return fmt.Sprintf("integrity code(%d)", uint8(c))
	}
}
