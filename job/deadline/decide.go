package deadline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// Deadline is by when a vulnerability must be gone from an asset.
type Deadline struct {
	Table     string    `json:"table"` // its name
	Row       int       `json:"row"`   // that decided, from 0
	Anchor    time.Time `json:"anchor"`
	Due       time.Time `json:"due,omitzero"` // the vulnerability must be gone before it; zero: at the next upgrade, no date
	Triage    bool      `json:"triage,omitempty"`
	Overrides bool      `json:"overrides,omitempty"` // closed periods of calendars (CAL-2)
	Duty      string    `json:"duty,omitempty"`
	Text      string    `json:"text"` // a sentence that explains it, for people (DUE-1)
}

// Decide looks a case up in a table (DUE-1 to DUE-4). If every date that could
// be the anchor is unknown, the deadline counts from the argument now, and Text
// says so. The table must be valid ([Table.Validate]); otherwise the result
// means nothing. A table without rows gives the zero Deadline.
func Decide(t Table, f Facts, a Asset, now time.Time) Deadline {
	if len(t.Rows) == 0 {
		return Deadline{}
	}
	given := Condition{Exploited: f.Exploited, Exposed: a.Exposed, Automatable: f.Automatable, TotalImpact: f.TotalImpact, Severity: f.Severity}
	known := t.known(given)
	at := t.row(known, a.Tags)
	row := t.Rows[at]
	anchor, from := t.anchor(f, a, now)
	d := Deadline{Table: t.Name, Row: at, Anchor: anchor, Triage: row.Triage, Overrides: row.Overrides, Duty: row.Duty}
	limit := "at the next upgrade"
	if !row.NextUpgrade {
		d.Due = endOfDay(anchor, row.Days, t.Zone)
		limit = fmt.Sprintf("by the end of day %d after %s", row.Days, from)
	}
	d.Text = fmt.Sprintf("%s wants it gone %s: it is %s.", t.Name, limit, describe(known, given))
	return d
}

// Compare orders deadlines by date, those without a date last.
func (d Deadline) Compare(e Deadline) int {
	switch {
	case d.Due.IsZero() == e.Due.IsZero():
		return d.Due.Compare(e.Due)
	case d.Due.IsZero():
		return 1
	default:
		return -1
	}
}

// Earliest returns the first of the deadlines by [Deadline.Compare], for a
// patch that fixes several vulnerabilities, or for several tables (DUE-3).
// Without deadlines it returns the zero Deadline.
func Earliest(ds ...Deadline) Deadline {
	if len(ds) == 0 {
		return Deadline{}
	}
	return slices.MinFunc(ds, Deadline.Compare)
}

// anchor returns the instant that the days count from, and what happened then
// (DUE-2). Where a table's own date is unknown, the next known one of this order
// counts: listed, published, missing, now.
func (t Table) anchor(f Facts, a Asset, now time.Time) (at time.Time, event string) {
	type date struct {
		at    time.Time
		event string
	}
	dates := []date{{f.Listed, "it was listed as exploited"}, {f.Published, "its fix was published"}, {a.Missing, "the fix was first missing here"}}
	switch t.Anchor {
	case FromPublished:
		dates = dates[1:]
	case FromMissing:
		dates = dates[2:]
	}
	dates = slices.DeleteFunc(dates, func(d date) bool { return d.at.IsZero() })
	if t.Anchor == FromEarliest {
		slices.SortStableFunc(dates, func(a, b date) int { return a.at.Compare(b.at) })
	}
	if len(dates) == 0 {
		return now, "now, because no date of it is known"
	}
	return dates[0].at, dates[0].event
}

// endOfDay returns the first instant after the day that is some days after that
// of t, in the zone.
func endOfDay(t time.Time, days int, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := t.In(zone).Date()
	day := time.Date(y, m, d+days+1, 0, 0, 0, 0, zone)
	// Where a change of the clock skips midnight, time.Date may return an
	// instant before the change.
	if want := time.Date(y, m, d+days+1, 0, 0, 0, 0, time.UTC).Day(); day.Day() != want {
		_, day = day.ZoneBounds()
	}
	return day.UTC()
}

// describe lists the facts that decided, and which of them are assumed.
func describe(known, given Condition) string {
	var parts []string
	for i, answer := range known.answers() {
		text := questions[i]
		if *answer == catalog.No {
			text = "not " + text
		}
		if g := *given.answers()[i]; g != catalog.Yes && g != catalog.No {
			text += " (assumed)"
		}
		parts = append(parts, text)
	}
	severity := "of severity " + known.Severity.String()
	if !rated(given.Severity) {
		severity += " (assumed)"
	}
	return strings.Join(append(parts, severity), ", ")
}
