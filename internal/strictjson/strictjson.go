// Package strictjson refuses JSON that encoding/json accepts and that two
// readers could read differently.
package strictjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Unmarshal is [Check] without nulls, and then [json.Unmarshal], except that it
// refuses fields that v does not have.
func Unmarshal(data []byte, v any) error {
	if err := Check(data, false); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return Plain(d.Decode(v))
}

// Plain returns an error of encoding/json in words that do not speak of Go.
func Plain(err error) error {
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		return fmt.Errorf("%s must not be a JSON %s", cmp.Or(wrong.Field, "the document"), wrong.Value)
	}
	if wrong, is := errors.AsType[*time.ParseError](err); is {
		return fmt.Errorf("%q is not an instant like 2027-01-31T22:00:00Z", problem.Clip(wrong.Value, 80))
	}
	if err == nil || !strings.HasPrefix(err.Error(), "json: ") {
		return err
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// maxDepth is how deep lists and objects may be nested.
const maxDepth = 1000

// Check wants one JSON value with nothing after it. No object may have a name
// twice, and names count as the same if encoding/json takes them for the same.
// Unless nulls are allowed, it refuses them too, because a null means no value.
// The error gives the line.
func Check(data []byte, nulls bool) error {
	type level struct {
		names map[string]bool // nil in a list
		value bool            // a name's value is next
	}
	var open []level
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // numbers are not checked
	fail := func(format string, args ...any) error {
		return fmt.Errorf("line %d: %s", 1+bytes.Count(data[:d.InputOffset()], []byte("\n")), fmt.Sprintf(format, args...))
	}
	for begun := false; !begun || len(open) > 0; begun = true {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(open) > 0, errors.Is(err, io.ErrUnexpectedEOF):
			return fail("it ends too early")
		case errors.Is(err, io.EOF):
			return fail("it is empty")
		case err != nil:
			return fail("%s", strings.TrimPrefix(err.Error(), "json: "))
		}
		here := len(open) - 1
		if name, is := token.(string); is && here >= 0 && open[here].names != nil && !open[here].value {
			folded := strings.ToLower(strings.ToUpper(name)) // both: encoding/json takes "ſ" for an s too
			if open[here].names[folded] {
				return fail("field %q is there twice", problem.Clip(name, 80))
			}
			open[here].names[folded], open[here].value = true, true
			continue
		}
		if here >= 0 {
			open[here].value = false
		}
		if len(open) > maxDepth {
			return fail("it is nested over %d deep", maxDepth)
		}
		switch token {
		case nil:
			if !nulls {
				return fail("a value is null; leave its field out, or say what it is")
			}
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:here]
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fail("something follows after its end")
	}
	return nil
}
