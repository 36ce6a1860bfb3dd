package adminhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Prefix is what every route begins with.
const Prefix = "/v1/admin/"

// maxBody bounds a request: a job of controller.MaxDefinition and some air.
const maxBody = controller.MaxDefinition + 64<<10

// NewToken asks for an enrolment token.
type NewToken struct {
	Name    string    `json:"name,omitempty"`
	Uses    int       `json:"uses,omitempty"`
	Tags    []string  `json:"tags,omitempty"`
	Names   string    `json:"names,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// MadeToken is the answer. Secret is what agents enrol with; it is told this once.
type MadeToken struct {
	Secret string           `json:"secret"`
	Token  controller.Token `json:"token"`
}

// Enabled is the answer to enabling a job, and to running one by name.
type Enabled struct {
	Run job.RunID `json:"run,omitempty"` // empty: it was enabled already, or runs after another job
}

// Preview is what a job would do on an asset now.
type Preview struct {
	Selected bool `json:"selected"`
	job.Plan
}

// FailedInstalls is the one number of RPT-1.
type FailedInstalls struct {
	FailedInstalls int `json:"failedInstalls"`
}

// Error is an error as it goes over the wire.
type Error struct {
	Status   int                      `json:"-"`
	Text     string                   `json:"error"`
	Problems []job.Problem            `json:"problems,omitempty"`
	Report   *controller.CancelReport `json:"report,omitempty"`
}

func (e *Error) Error() string { return e.Text }

// ParseDefinition reads a job from JSON. Unknown members are refused; durations may be texts.
func ParseDefinition(data []byte) (d job.Definition, err error) {
	var raw map[string]any
	if err := decodeStrict(bytes.NewReader(data), &raw, true); err != nil {
		return d, err
	}
	var problems []error
	duration := func(at string, object map[string]any, name string) {
		text, ok := object[name].(string)
		if !ok {
			return
		}
		parsed, err := time.ParseDuration(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s%s %q is no duration; write it as \"1h30m\"", at, name, text))
			return
		}
		object[name] = int64(parsed)
	}
	duration("", raw, "window")
	if schedule, ok := raw["schedule"].(map[string]any); ok {
		duration("schedule.", schedule, "spread")
	}
	if after, ok := raw["after"].(map[string]any); ok {
		duration("after.", after, "delay")
	}
	if policy, ok := raw["reboot"].(map[string]any); ok {
		for _, name := range []string{"interval", "prompt", "countdown"} {
			duration("reboot.", policy, name)
		}
	}
	for _, stage := range []string{"pre", "post"} {
		actions, _ := raw[stage].([]any)
		for i, a := range actions {
			if action, ok := a.(map[string]any); ok {
				duration(fmt.Sprintf("%s[%d].", stage, i), action, "timeout")
			}
		}
	}
	if len(problems) > 0 {
		return d, errors.Join(problems...)
	}
	plain, err := json.Marshal(raw)
	if err != nil {
		return d, err
	}
	return d, decodeStrict(bytes.NewReader(plain), &d, false)
}

// decodeStrict reads one JSON value and nothing behind it.
func decodeStrict(r io.Reader, v any, numbers bool) error {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if numbers {
		decoder.UseNumber() // large ones are not rounded on the way
	}
	if err := decoder.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("it is empty; want JSON")
		}
		return fmt.Errorf("not the JSON that is wanted: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the JSON value")
	}
	return nil
}
