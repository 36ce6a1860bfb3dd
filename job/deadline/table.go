package deadline

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

// The bounds of a table.
const (
	MaxRows = 100
	MaxTags = 6      // tags that the rows of a table ask for
	MaxDays = 3650   // of a row
	MaxText = 1000   // bytes of a name, a source, a duty or a tag
	MaxJSON = 64_000 // bytes of a table in JSON
)

// Anchor is the instant that the days of a table count from.
type Anchor uint8

// The anchors.
const (
	FromPublished Anchor = 1 + iota // when the fix was published
	FromListed                      // when the vulnerability was listed as exploited
	FromMissing                     // when the fix was first missing on this asset
	FromEarliest                    // the earliest of these
)

var anchors = enum.Of[Anchor]("anchor", "published", "listed", "missing", "earliest")

// String returns the anchor's name.
func (a Anchor) String() string { return anchors.String(a) }

// MarshalText returns the anchor's name, and the empty text for the zero value.
func (a Anchor) MarshalText() ([]byte, error) { return anchors.MarshalText(a) }

// UnmarshalText is the inverse of MarshalText.
func (a *Anchor) UnmarshalText(text []byte) error { return anchors.UnmarshalText(text, a) }

// Table says by when a vulnerability must be gone (DUE-1). Its first row that
// matches decides. Only its last row has no condition, so every case has a row.
type Table struct {
	Name   string         `json:"name"`
	Source string         `json:"source,omitempty"` // the document that it follows
	Anchor Anchor         `json:"anchor"`
	Assume Condition      `json:"assume,omitzero"` // values of unknown facts; a fact that is left out takes the worse one (DUE-4)
	Rows   []Row          `json:"rows"`
	Zone   *time.Location `json:"-"` // where its days end; nil: UTC
}

// Condition is facts that must all hold. The zero Condition always holds.
type Condition struct {
	Exploited   catalog.Answer   `json:"exploited,omitempty"`
	Exposed     catalog.Answer   `json:"exposed,omitempty"`
	Automatable catalog.Answer   `json:"automatable,omitempty"`
	TotalImpact catalog.Answer   `json:"totalImpact,omitempty"`
	Severity    catalog.Severity `json:"severity,omitempty"` // or a higher one
	Tag         string           `json:"tag,omitempty"`      // the asset has it
}

// answers are the facts of a condition that are an answer. questions names them.
func (c *Condition) answers() [4]*catalog.Answer {
	return [...]*catalog.Answer{&c.Exploited, &c.Exposed, &c.Automatable, &c.TotalImpact}
}

var questions = [...]string{"exploited", "exposed", "automatable", "of total impact"}

// Row is one line of a table.
type Row struct {
	When        Condition `json:"when,omitzero"`
	Days        int       `json:"days,omitempty"`        // 1 to MaxDays; the day after the anchor's is day 1
	NextUpgrade bool      `json:"nextUpgrade,omitempty"` // instead of days: no date
	Triage      bool      `json:"triage,omitempty"`      // evidence must be collected before the fix is installed
	Overrides   bool      `json:"overrides,omitempty"`   // closed periods of calendars do not hold the fix up (CAL-2)
	Duty        string    `json:"duty,omitempty"`        // what else must be done, in words
}

// days is how long the row gives, for comparison.
func (r Row) days() int {
	if r.NextUpgrade {
		return MaxDays + 1
	}
	return r.Days
}

// rated reports whether a severity is known.
func rated(s catalog.Severity) bool { return s > catalog.Unrated && s <= catalog.Critical }

// known fills in the facts of a case that are unknown, as the table assumes
// them: the worse one, unless the table says otherwise (DUE-4).
func (t Table) known(c Condition) Condition {
	assume := t.Assume.answers()
	for i, answer := range c.answers() {
		if *answer != catalog.Yes && *answer != catalog.No {
			*answer = *assume[i]
		}
		if *answer != catalog.No {
			*answer = catalog.Yes
		}
	}
	if !rated(c.Severity) {
		c.Severity = t.Assume.Severity
	}
	if !rated(c.Severity) {
		c.Severity = catalog.Critical
	}
	return c
}

// row returns the first row that matches known facts, and the last if none does.
func (t Table) row(known Condition, tags []string) int {
	has := known.answers()
rows:
	for i, r := range t.Rows {
		for j, want := range r.When.answers() {
			if *want != 0 && *want != *has[j] {
				continue rows
			}
		}
		if known.Severity >= r.When.Severity && (r.When.Tag == "" || slices.Contains(tags, r.When.Tag)) {
			return i
		}
	}
	return len(t.Rows) - 1
}

// Validate says everything that is wrong with the table. The error is an
// *[Invalid].
func (t Table) Validate() error {
	var bad problem.List
	bad.Text("name", t.Name, MaxText)
	bad.Text("source", t.Source, MaxText)
	if t.Name == "" {
		bad.Add("name", "", "is missing")
	}
	if !anchors.Valid(t.Anchor) {
		bad.Add("anchor", t.Anchor.String(), "is not an anchor; want one of published, listed, missing, earliest (DUE-2)")
	}
	if t.Assume.Tag != "" {
		bad.Add("assume.tag", t.Assume.Tag, "is known of every asset; leave it out")
	}
	if len(t.Rows) == 0 || len(t.Rows) > MaxRows {
		bad.Add("rows", fmt.Sprint(len(t.Rows)), "must be 1 to %d", MaxRows)
	}
	if n := len(t.tags()); n > MaxTags {
		bad.Add("rows", fmt.Sprint(n), "is the number of different tags; at most %d are allowed", MaxTags)
	}
	for i, r := range t.Rows {
		at := fmt.Sprintf("rows[%d]", i)
		bad.Text(at+".when.tag", r.When.Tag, MaxText)
		bad.Text(at+".duty", r.Duty, MaxText)
		switch last := i == len(t.Rows)-1; {
		case last && r.When != Condition{}:
			bad.Add(at+".when", "", "is the condition of the last row, which must have none, so that every case has a row (DUE-1)")
		case !last && r.When == Condition{}:
			bad.Add(at+".when", "", "is missing, so the rows after it never match; move this row to the end")
		}
		if r.NextUpgrade != (r.Days == 0) || r.Days < 0 || r.Days > MaxDays {
			bad.Add(at+".days", fmt.Sprint(r.Days), "must be 1 to %d, or left out with nextUpgrade", MaxDays)
		}
	}
	return bad.Err(fmt.Sprintf("deadline table %q", problem.Clip(t.Name, 80)))
}

// tags are the tags that the rows ask for.
func (t Table) tags() (tags []string) {
	for _, r := range t.Rows {
		if r.When.Tag != "" && !slices.Contains(tags, r.When.Tag) {
			tags = append(tags, r.When.Tag)
		}
	}
	return tags
}

// Warnings names the rows of a valid table that can never match, and the worse
// facts that get a later date (DUE-1). Each is a sentence. A table that is not
// valid has none.
func (t Table) Warnings() (warnings []string) {
	if t.Validate() != nil {
		return nil
	}
	matched := make([]bool, len(t.Rows))
	for c, tags := range t.cases() {
		at := t.row(c, tags)
		matched[at] = true
		worse := func(what string, c Condition) {
			to := t.row(c, tags)
			text := fmt.Sprintf("rows[%d] gives more time than rows[%d] to a case that only differs in being %s.", to, at, what)
			if t.Rows[to].days() > t.Rows[at].days() && !slices.Contains(warnings, text) {
				warnings = append(warnings, text)
			}
		}
		for i, question := range questions {
			if other := c; *other.answers()[i] == catalog.No {
				*other.answers()[i] = catalog.Yes
				worse(question, other)
			}
		}
		if other := c; c.Severity < catalog.Critical {
			other.Severity++
			worse("of severity "+other.Severity.String(), other)
		}
	}
	for i, has := range matched {
		if !has {
			warnings = append(warnings, fmt.Sprintf("rows[%d] never matches: the rows before it match all of its cases.", i))
		}
	}
	return warnings
}

// cases yields every case that the table can tell from others: known facts, and
// the asset's tags.
func (t Table) cases() iter.Seq2[Condition, []string] {
	return func(yield func(Condition, []string) bool) {
		asked := t.tags()
		for severity := catalog.Low; severity <= catalog.Critical; severity++ {
			for bits := range 1 << (len(questions) + len(asked)) {
				c := Condition{Severity: severity}
				for i, answer := range c.answers() {
					*answer = catalog.No
					if bits>>i&1 == 1 {
						*answer = catalog.Yes
					}
				}
				var tags []string
				for i, tag := range asked {
					if bits>>(len(questions)+i)&1 == 1 {
						tags = append(tags, tag)
					}
				}
				if !yield(c, tags) {
					return
				}
			}
		}
	}
}

// Parse reads a table from JSON of at most [MaxJSON] bytes. Its fields are those
// of [Table] and [Row], and "zone", the name of the time zone in which its days
// end. Load resolves it, as [time.LoadLocation] does. The error is an *[Invalid]
// or that of load.
func Parse(data []byte, load func(zone string) (*time.Location, error)) (Table, error) {
	const what = "deadline table"
	if len(data) > MaxJSON {
		return Table{}, problem.One(what, "", "", "has %d bytes; at most %d are allowed", len(data), MaxJSON)
	}
	var read struct {
		Table
		Zone string `json:"zone"`
	}
	if err := strictjson.Unmarshal(data, &read); err != nil {
		return Table{}, problem.One(what, "", "", "is not a table in JSON: %v", err)
	}
	t := read.Table
	if read.Zone != "" {
		zone, err := load(read.Zone)
		if err != nil {
			return Table{}, fmt.Errorf("zone %q of deadline table %q: %w", problem.Clip(read.Zone, 80), problem.Clip(t.Name, 80), err)
		}
		t.Zone = zone
	}
	return t, t.Validate()
}

// MarshalJSON writes what [Parse] reads.
func (t Table) MarshalJSON() ([]byte, error) {
	type table Table
	zone := ""
	if t.Zone != nil {
		zone = t.Zone.String()
	}
	return json.Marshal(struct {
		table
		Zone string `json:"zone,omitempty"`
	}{table(t), zone})
}
