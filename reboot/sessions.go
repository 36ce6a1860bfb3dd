package reboot

import "github.com/patchpolicy/patchpolicy/internal/enum"

// Sessions says who is logged in on the asset.
type Sessions uint8

// The sessions. Unknown counts as Active (RBT-9).
const (
	Unknown Sessions = 1 + iota
	Nobody
	Active
	Locked
)

var sessions = enum.Of[Sessions]("sessions", "unknown", "nobody", "active", "locked")

// String returns the name.
func (s Sessions) String() string { return sessions.String(s) }

// MarshalText returns the name; zero is the empty text, an unknown value an
// error.
func (s Sessions) MarshalText() ([]byte, error) { return sessions.MarshalText(s) }

// UnmarshalText sets the value by its name; the empty text is zero.
func (s *Sessions) UnmarshalText(text []byte) error { return sessions.UnmarshalText(text, s) }

// Known returns s, or Unknown for zero and for a value that this package does
// not know (RBT-9).
func (s Sessions) Known() Sessions {
	if sessions.Valid(s) {
		return s
	}
	return Unknown
}
