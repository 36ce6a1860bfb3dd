package reboot

// String returns the phase's name; the zero Phase prints as "reboot phase(0)" and means Idle.
func (p Phase) String() string { return phases.String(p) }

// MarshalText returns the phase's name, the empty text for zero, or an error for an unknown phase.
func (p Phase) MarshalText() ([]byte, error) { return phases.MarshalText(p) }

// UnmarshalText sets the phase called text; the empty text is zero.
func (p *Phase) UnmarshalText(text []byte) error { return phases.UnmarshalText(text, p) }

// ParsePhase finds a phase by its name.
func ParsePhase(s string) (Phase, error) { return phases.Parse(s) }

// Phases lists the phases in order.
func Phases() []Phase { return phases.All() }

// String returns the answer's name.
func (s Sessions) String() string { return sessions.String(s) }

// MarshalText returns the answer's name, the empty text for zero, or an error for an unknown value.
func (s Sessions) MarshalText() ([]byte, error) { return sessions.MarshalText(s) }

// UnmarshalText sets the answer called text; the empty text is zero.
func (s *Sessions) UnmarshalText(text []byte) error { return sessions.UnmarshalText(text, s) }

// ParseSessions finds an answer by its name.
func ParseSessions(s string) (Sessions, error) { return sessions.Parse(s) }

// AllSessions lists the answers in order.
func AllSessions() []Sessions { return sessions.All() }
