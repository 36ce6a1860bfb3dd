package fetch

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// MaxRejected is how many bad records of a document are named. One more counts
// the others.
const MaxRejected = catalog.MaxRejected - 1

// Duplicate is what is wrong with a second record of one id.
const Duplicate = "duplicate id: the document has it more than once"

// Bounds on what is said of a bad record.
const (
	MaxReasons = 20  // reasons
	MaxReason  = 400 // bytes of each
)

// Rejects lists the bad records of a document (CAT-16). The zero value is
// empty.
type Rejects struct {
	named []catalog.Rejected
	more  int // beyond MaxRejected
}

// Add adds a record with everything that is wrong with it. It changes problems.
func (r *Rejects) Add(record string, problems ...string) {
	if len(r.named) == MaxRejected {
		r.more++
		return
	}
	if more := len(problems) - MaxReasons; more > 0 {
		problems = append(problems[:MaxReasons:MaxReasons], fmt.Sprintf("and %d more", more))
	}
	for i := range problems {
		problems[i] = problem.Clip(problems[i], MaxReason)
	}
	r.named = append(r.named, catalog.Rejected{Record: record, Reasons: problems})
}

// Join adds those of another list.
func (r *Rejects) Join(other Rejects) {
	for _, o := range other.named {
		r.Add(o.Record, slices.Clone(o.Reasons)...)
	}
	r.more += other.more
}

// List returns the records as those of a feed, which the caller owns.
func (r *Rejects) List(feed catalog.FeedID) []catalog.Rejected {
	var all []catalog.Rejected
	for _, o := range r.named {
		all = append(all, catalog.Rejected{Feed: feed, Record: o.Record, Reasons: slices.Clone(o.Reasons)})
	}
	if r.more > 0 {
		all = append(all, catalog.Rejected{Feed: feed, Record: fmt.Sprintf("%d more records", r.more),
			Reasons: []string{fmt.Sprintf("only the first %d bad records are named", MaxRejected)}})
	}
	return all
}
