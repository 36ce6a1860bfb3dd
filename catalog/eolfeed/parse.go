package eolfeed

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

// Bounds on what is read.
const (
	MaxDocument  = 2 << 20          // bytes of a document: the largest published ones have 0.2 MB
	MaxReleases  = catalog.MaxLines // releases of a document: the most published are 439
	MaxDocuments = 1024             // documents of a feed: the project has 464
	MaxProducts  = 1024             // products of a document: a person sets each
)

// end is an end of life or of support: a date, true or false.
type end struct {
	at   time.Time
	over *bool  // nil: it is a date, or nothing is said
	bad  string // what is wrong with it
}

func (e *end) UnmarshalJSON(data []byte) error {
	var v any
	_ = json.Unmarshal(data, &v) // it is JSON
	switch v := v.(type) {
	case nil:
	case bool:
		e.over = &v
	case string:
		at, err := catalog.ParseEOL(v)
		if e.at = at; err != nil {
			e.bad = err.Error()
		}
	default:
		e.bad = fmt.Sprintf("%.40s is no date, and not true or false", data)
	}
	return nil
}

// release is a release in any of the three forms.
type release struct {
	Name  string `json:"name"`
	Cycle string `json:"cycle"` // the name in the older API

	IsEOL   end `json:"isEol"`
	EOLFrom end `json:"eolFrom"`
	EOL     end `json:"eol"`

	EOESFrom        end `json:"eoesFrom"`
	EOES            end `json:"eoes"`
	ExtendedSupport end `json:"extendedSupport"`
}

// line returns the version line that a release is, and what is wrong with it.
func (r release) line() (l catalog.Line, problems []string) {
	l = catalog.Line{
		Prefix:   cmp.Or(r.Name, r.Cycle),
		EOL:      cmp.Or(r.EOLFrom.at, r.EOL.at, r.IsEOL.at),
		Extended: cmp.Or(r.EOESFrom.at, r.EOES.at, r.ExtendedSupport.at),
	}
	for _, e := range []end{r.IsEOL, r.EOLFrom, r.EOL, r.EOESFrom, r.EOES, r.ExtendedSupport} {
		if e.bad != "" {
			problems = append(problems, e.bad)
		}
	}
	over := cmp.Or(r.IsEOL.over, r.EOL.over, r.EOLFrom.over)
	l.Over = over != nil && *over && l.EOL.IsZero()
	if over == nil && l.EOL.IsZero() && problems == nil {
		problems = []string{"it says nothing about its end of life: no date, and neither true nor false"}
	}
	return l, append(problems, check(l)...)
}

// check returns what the catalog would refuse of a line.
func check(l catalog.Line) []string {
	return catalog.LineSet{Product: "*", Lines: []catalog.Line{l}}.Check()
}

// parse reads a document. The batch has Dated, if the document states when it
// was made, and Lines: the document's lines for each of the products. Rejected
// has the releases that are left out, with the reason (CAT-16). An error means
// that nothing of the document is used.
func parse(feed catalog.FeedID, data []byte, products []catalog.ProductID) (catalog.Batch, error) {
	b := catalog.Batch{Feed: feed}
	releases, err := open(data, &b)
	if err != nil {
		return catalog.Batch{}, errors.New(problem.Clip(err.Error(), fetch.MaxReason))
	}
	var lines []catalog.Line
	var unclear []string // names of rejected releases
	var rejects fetch.Rejects
	seen := make(map[string]bool)
	for i, raw := range releases {
		var r release
		err := json.Unmarshal(raw, &r)
		l, problems := r.line()
		if err != nil {
			problems = []string{"it is not a release: an object with a name"}
		}
		if seen[l.Prefix] {
			problems = append(problems, "duplicate name: the document has it more than once")
		}
		if len(problems) > 0 {
			rejects.Add(fmt.Sprintf("release number %d %.80q", i+1, l.Prefix), problems...)
			unclear = append(unclear, l.Prefix)
			continue
		}
		seen[l.Prefix] = true
		lines = append(lines, l)
	}
	for _, name := range unclear {
		shorter := func(l catalog.Line) bool { return l.Prefix != "" && strings.HasPrefix(name, l.Prefix) }
		open := catalog.Line{Prefix: name}
		if !seen[name] && slices.ContainsFunc(lines, shorter) && check(open) == nil {
			seen[name] = true
			lines = append(lines, open)
		}
	}
	b.Rejected = rejects.List(feed)
	for _, id := range products {
		b.Lines = append(b.Lines, catalog.LineSet{Product: id, Lines: lines})
	}
	return b, nil
}

// open reads a document of any form and returns its releases.
func open(data []byte, b *catalog.Batch) (releases []json.RawMessage, err error) {
	if err := strictjson.Check(data, true); err != nil {
		return nil, err
	}
	var d struct {
		Generated string `json:"generated_at"`
		Result    struct {
			Releases []json.RawMessage `json:"releases"`
		} `json:"result"`
		Releases map[string]json.RawMessage `json:"releases"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		err = json.Unmarshal(data, &d.Result.Releases)
	} else {
		err = json.Unmarshal(data, &d)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Releases)) {
		d.Result.Releases = append(d.Result.Releases, d.Releases[name])
	}
	switch n := len(d.Result.Releases); {
	case err != nil || n == 0:
		return nil, errors.New("it has no releases: want a product of the API, version 1 or older, or a file of the release data")
	case n > MaxReleases:
		return nil, fmt.Errorf("it has %d releases, the most is %d", n, MaxReleases)
	case d.Generated != "":
		if b.Dated, err = time.Parse(time.RFC3339, d.Generated); err != nil {
			return nil, fmt.Errorf("generated_at %.60q is no instant like 2006-01-02T15:04:05Z", d.Generated)
		}
		b.Dated = b.Dated.UTC()
	}
	return d.Result.Releases, nil
}
