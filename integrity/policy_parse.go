package integrity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
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
	if err := strictjson.Check(data, false); err != nil {
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
