package integrity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// ParsePolicy reads a policy from JSON and checks it; the error is an *Invalid. It takes the fields of Policy and
// its parts and no others, none of them twice, none of them null: what is not understood is refused, since left out it
// could mean less than was meant (JOB-20).
func ParsePolicy(data []byte) (Policy, error) {
	if len(data) > MaxPolicy {
		return Policy{}, unreadable(fmt.Sprintf("has %d bytes; at most %d", len(data), MaxPolicy))
	}
	if !utf8.Valid(data) {
		return Policy{}, unreadable("is not UTF-8")
	}
	if err := plainJSON(data); err != nil {
		return Policy{}, unreadable(err.Error())
	}
	var p Policy
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Policy{}, unreadable(strings.TrimPrefix(err.Error(), "json: "))
	}
	if err := p.Validate(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

func unreadable(text string) error {
	return problem.One("signer policy", "document", "", "%s", problem.Clip(text, MaxDetail))
}

// plainJSON refuses what encoding/json lets pass: fields that are repeated, in whatever case, and nulls; and what follows
// the end.
func plainJSON(data []byte) error {
	type level struct {
		fields map[string]bool // nil in a list
		value  bool            // a field's value is next
	}
	var open []level
	d := json.NewDecoder(bytes.NewReader(data))
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
		if name, is := token.(string); is && here >= 0 && open[here].fields != nil && !open[here].value {
			folded := strings.ToLower(strings.ToUpper(name)) // both: to package json, "ſ" is an s as well
			if open[here].fields[folded] {
				return fail("field %q is there twice", problem.Clip(name, maxQuoted))
			}
			open[here].fields[folded], open[here].value = true, true
			continue
		}
		if here >= 0 {
			open[here].value = false
		}
		switch token {
		case nil:
			return fail("a value is null; leave its field out, or say what it is")
		case json.Delim('{'):
			open = append(open, level{fields: map[string]bool{}})
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
