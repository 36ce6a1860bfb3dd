package manifest

import "fmt"

// NewerFormat is the error of a reader for a form whose format number is above
// those it knows: a later release changed what something means. Nothing of the
// form is used (MAN-11).
type NewerFormat struct {
	What string // the form: "the check-in", "the agent's state"
	Have int    // its format
	Know int    // the highest that this release knows
}

// Error says which release to use.
func (e *NewerFormat) Error() string {
	return fmt.Sprintf("%s has format %d, and this release knows formats up to %d: use the release that wrote it, or a later one", e.What, e.Have, e.Know)
}

// Is reports that a NewerFormat is an [ErrInvalid] too, so that a server
// returns it to the agent that sent the form.
func (e *NewerFormat) Is(target error) bool { return target == ErrInvalid }

// CheckFormat returns a [*NewerFormat] if have is above know. Zero, a form
// without a number, counts as 1.
func CheckFormat(what string, have, know int) error {
	if have > know {
		return &NewerFormat{what, have, know}
	}
	return nil
}
