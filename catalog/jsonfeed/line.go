package jsonfeed

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// lineEnd is the end of a line: an end of life, or whether it has come, when the date is not known (CAT-11).
type lineEnd struct {
	at   end
	over bool
}

func lineEndOf(l catalog.Line) lineEnd { return lineEnd{end(l.EOL.UTC()), l.Over} }

func (l lineEnd) IsZero() bool { return l.at.IsZero() && !l.over }

func (l lineEnd) MarshalJSON() ([]byte, error) {
	if l.over {
		return []byte("true"), nil
	}
	return json.Marshal(l.at)
}

func (l *lineEnd) UnmarshalJSON(data []byte) error {
	*l = lineEnd{}
	switch string(data) {
	case "true":
		l.over = true
		return nil
	case "false", "null":
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf(`end of life %.80s of a line: want a date like "2006-01-02", an instant, or true for one that is past and not known`, data)
	}
	at, err := catalog.ParseEOL(text)
	l.at = end(at)
	return err
}

// line is what the catalog makes of a line of the document.
func (l line) line() catalog.Line {
	return catalog.Line{Prefix: l.Prefix, EOL: time.Time(l.EOL.at), Over: l.EOL.over, Extended: time.Time(l.Extended)}
}
