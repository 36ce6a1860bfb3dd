package adminhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/strictjson"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Prefix is what every route begins with.
const Prefix = "/v1/admin/"

// maxBody bounds a request: the largest job, and space around it.
const maxBody = controller.MaxDefinition + 64<<10

// NewToken asks for an enrolment token.
type NewToken struct {
	Name    string    `json:"name,omitempty"`
	Uses    int       `json:"uses,omitempty"`
	Tags    []string  `json:"tags,omitempty"`
	Names   string    `json:"names,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// MadeToken is the answer. Agents enrol with Secret; no other answer has it.
type MadeToken struct {
	Secret string           `json:"secret"`
	Token  controller.Token `json:"token"`
}

// Enabled is the answer to enabling a job, and to running one by name.
type Enabled struct {
	Run     job.RunID           `json:"run,omitempty"`     // empty: the job was enabled already, or runs after another job
	Outlook *controller.Outlook `json:"outlook,omitempty"` // of enabling: what to expect
}

// RolloutAct is what an administrator does to a rollout: "stop", "resume",
// "expedite" up to a ring, or "abandon", each for a reason.
type RolloutAct struct {
	Act    string `json:"act"`
	Ring   string `json:"ring,omitempty"`
	Reason string `json:"reason"`
}

// SlotFreed is why an administrator frees a reboot slot.
type SlotFreed struct {
	Reason string `json:"reason"`
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

var durations = []string{"window", "installLimit", "stuckAfter", "spread", "delay", "interval", "prompt", "countdown", "timeout", "soak", "silence", "triageHold", "lease"}

// ParseDefinition reads a job from JSON. Unknown members are refused. A
// duration is a number of nanoseconds, or a text like "1h30m".
func ParseDefinition(data []byte) (d job.Definition, err error) {
	var raw map[string]any
	if err := decodeStrict(bytes.NewReader(data), &raw, true); err != nil {
		return d, err
	}
	if err := errors.Join(readDurations("", raw)...); err != nil {
		return d, err
	}
	plain, err := json.Marshal(raw)
	if err != nil {
		return d, err
	}
	return d, decodeStrict(bytes.NewReader(plain), &d, false)
}

// readDurations replaces durations that are texts by numbers. It returns what
// is wrong with them.
func readDurations(at string, value any) (problems []error) {
	switch v := value.(type) {
	case []any:
		for i, x := range v {
			problems = append(problems, readDurations(fmt.Sprintf("%s[%d]", at, i), x)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			where := strings.TrimPrefix(at+"."+name, ".")
			text, is := v[name].(string)
			if !is || !slices.Contains(durations, name) {
				problems = append(problems, readDurations(where, v[name])...)
				continue
			}
			parsed, err := time.ParseDuration(text)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s %q is not a duration; write it like \"1h30m\"", where, text))
			}
			v[name] = int64(parsed)
		}
	}
	return problems
}

// A member with a duration: a quote within a JSON string is escaped, so nothing else looks like it.
var durationMember = regexp.MustCompile(`"(` + strings.Join(durations, "|") + `)": (-?\d+)`)

// FormatDefinition writes a job as people edit it, with its durations as texts.
// It leaves out what saving sets: state and revision. [ParseDefinition] reads
// it back.
func FormatDefinition(d job.Definition) ([]byte, error) {
	data, err := json.MarshalIndent(struct {
		job.Definition
		Revision int `json:"revision,omitempty"` // hides those of the definition
		State    int `json:"state,omitempty"`
	}{Definition: d}, "", "  ")
	return durationMember.ReplaceAllFunc(data, func(member []byte) []byte {
		m := durationMember.FindSubmatch(member)
		n, _ := strconv.ParseInt(string(m[2]), 10, 64) // as it was written
		return fmt.Appendf(nil, "%q: %q", m[1], ShortDuration(time.Duration(n)))
	}), err
}

// ShortDuration is a duration without its zero parts, like "2h" or "1h30m".
func ShortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// decodeStrict reads one JSON value and nothing after it.
func decodeStrict(r io.Reader, v any, numbers bool) error {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if numbers {
		decoder.UseNumber() // large ones stay exact
	}
	if err := decoder.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("it is empty; want JSON")
		}
		return fmt.Errorf("it is not the JSON wanted: %w", strictjson.Plain(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the JSON value")
	}
	return nil
}

// Client calls a server's administration.
type Client struct {
	Server string       // base URL
	Token  string       // the administrator's
	User   string       // who asks, for the record of events; empty: not stated
	HTTP   *http.Client // the caller sets its timeouts
}

const maxAnswer = 256 << 20

// Do sends in as JSON (nil: no body) to a path below [Prefix], and reads the
// answer into out (nil: ignored). A refusal by the server is an *[Error].
func (c Client) Do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var content io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	address := strings.TrimSuffix(c.Server, "/") + Prefix + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	if c.User != "" {
		r.Header.Set(userHeader, c.User)
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped before the server answered; what was asked for may have been done")
		}
		if failed, is := errors.AsType[*url.Error](err); is {
			err = failed.Err // the address is named once
		}
		return fmt.Errorf("no answer from %s: %w; check the address, and that \"server serve\" runs there", c.Server, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("the answer from %s broke off: %w; what was asked for may have been done", c.Server, err)
	}
	if len(data) > maxAnswer {
		return fmt.Errorf("the server's answer is over %d bytes", maxAnswer)
	}
	if resp.StatusCode >= 300 {
		e := &Error{Status: resp.StatusCode}
		if json.Unmarshal(data, e) != nil || e.Text == "" {
			e.Text = fmt.Sprintf("%s answers %s: is this a patchpolicy server?", c.Server, resp.Status)
		}
		return e
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("the server's answer cannot be read (is it of another version?): %w", err)
	}
	return nil
}
