package reboot

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Sessions is what is known about who uses the asset.
type Sessions uint8

// The answers. What cannot be found out counts as Active (RBT-9).
const (
	Unknown Sessions = 1 + iota
	Nobody
	Active
	Locked
)

var sessions = enum.Of[Sessions]("sessions", "unknown", "nobody", "active", "locked")

// String returns the answer's name.
func (s Sessions) String() string { return sessions.String(s) }

// MarshalText returns the answer's name, the empty text for zero, or an error for an unknown value.
func (s Sessions) MarshalText() ([]byte, error) { return sessions.MarshalText(s) }

// UnmarshalText sets the answer called text; the empty text is zero.
func (s *Sessions) UnmarshalText(text []byte) error { return sessions.UnmarshalText(text, s) }

// Known returns what counts: zero and an answer that this package does not know are Unknown, which means that somebody is
// there (RBT-9).
func (s Sessions) Known() Sessions {
	if sessions.Valid(s) {
		return s
	}
	return Unknown
}
