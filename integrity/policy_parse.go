package integrity

import (
	"bytes"
	"encoding/json"
	"errors"
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
	var p Policy
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var err error
	switch {
	case len(data) > MaxPolicy:
		err = fmt.Errorf("has %d bytes; at most %d", len(data), MaxPolicy)
	case !utf8.Valid(data):
		err = errors.New("is not UTF-8")
	default:
		if err = strictjson.Check(data, false); err == nil {
			err = d.Decode(&p)
		}
	}
	if err != nil {
		return Policy{}, problem.One("signer policy", "document", "", "%s", problem.Clip(strings.TrimPrefix(err.Error(), "json: "), MaxDetail))
	}
	if err := p.Validate(); err != nil {
		return Policy{}, err
	}
	return p, nil
}
