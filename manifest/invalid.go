package manifest

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/job"
)

// problems collects what is wrong with one thing.
type problems struct {
	what string
	list []job.Problem
}

func (p *problems) add(field, value, text string) {
	p.list = append(p.list, job.Problem{Field: field, Value: short(value), Text: text})
}

// id takes over what job says of an identity.
func (p *problems) id(field, id string) {
	err, ok := errors.AsType[*job.Invalid](job.ValidID(id))
	if !ok {
		return
	}
	for _, problem := range err.Problems {
		p.add(field, problem.Value, problem.Text)
	}
}

// word refuses what is too long or cannot be printed.
func (p *problems) word(field, s string, most int) {
	switch {
	case len(s) > most:
		p.add(field, s, fmt.Sprintf("has %d bytes; at most %d are allowed", len(s), most))
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		p.add(field, s, "has characters that cannot be printed; remove them")
	}
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &job.Invalid{What: p.what, Problems: p.list}
}

// short cuts what others wrote before it goes into an error.
func short(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
