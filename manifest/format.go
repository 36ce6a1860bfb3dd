package manifest

import "fmt"

// NewerFormat is the error of whoever reads a form whose format number is above those it knows: a later release changed the
// meaning of something, and must not be misunderstood (MAN-11). Nothing of the form is used.
type NewerFormat struct {
	What string // the form: "the check-in", "the agent's state"
	Have int    // its format
	Know int    // the highest that this release knows
}

// Error says which release is needed.
func (e *NewerFormat) Error() string {
	return fmt.Sprintf("%s has format %d, and this release knows formats up to %d: use the release that wrote it, or a later one", e.What, e.Have, e.Know)
}

// Is makes one an ErrInvalid, too: to an agent that sends it, the server says what is wrong.
func (e *NewerFormat) Is(target error) bool { return target == ErrInvalid }

// CheckFormat returns a *NewerFormat if have is above know. Zero, of a form without a number, is 1.
func CheckFormat(what string, have, know int) error {
	if have > know {
		return &NewerFormat{what, have, know}
	}
	return nil
}
