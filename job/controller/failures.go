package controller

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// failureRows are the rows of an order's failed installs: in the account's list
// (RPT-2), in the asset's, and in that of what a job may give up (JOB-27). The
// outcomes have the rest.
func (r *reader) failureRows(list []ledger.Failure) map[Key]string {
	rows := map[Key]string{}
	var tried []triedRecord
	for _, f := range list {
		at, asset, run := fallingTime(f.At), string(f.Asset), string(f.Run)
		rows[Key{tableFailures, key(at, asset, run)}], rows[Key{tableFailed, key(asset, at, run)}] = "", ""
		if f.Tried() {
			tried = append(tried, triedRecord{f.Patch, f.At})
		}
	}
	if len(tried) > 0 {
		rows[Key{tableTried, key(string(list[0].Job), string(list[0].Asset), string(list[0].Run))}] = string(r.encode(tried))
	}
	return rows
}

// saveFailures stores what changed in those rows.
func (t *tx) saveFailures(was, is []ledger.Failure) {
	before, after := t.failureRows(was), t.failureRows(is)
	for k, value := range after {
		if old, had := before[k]; !had || old != value {
			t.put(k.Table, k.Key, []byte(value))
		}
	}
	for k := range before {
		if _, still := after[k]; !still {
			t.delete(k.Table, k.Key)
		}
	}
}

// FailureFilter says which failures are listed. A zero field does not filter.
type FailureFilter struct {
	From  time.Time       // at or after
	To    time.Time       // before
	Asset job.AssetID     //
	Patch catalog.PatchID //
	Code  job.Code        //
	Limit int             // 1 to MaxPage
	Page  string          // where the last page ended: FailurePage.Next; empty: at the newest
}

// FailurePage is a page of failures, newest first.
type FailurePage struct {
	Failures []ledger.Failure `json:"failures"`
	Next     string           `json:"next,omitempty"` // FailureFilter.Page of the next page; empty: this is the last
}

// ErrBadPage is returned for a FailureFilter.Page that is not from a
// FailurePage.
var ErrBadPage = errors.New("no such page; begin again without one")

// Failures lists failed installs (RPT-2). Dates and an asset bound what is read;
// the other filters are compared one by one.
func (c *Controller) Failures(ctx context.Context, f FailureFilter) (page FailurePage, err error) {
	if err := bound("page", f.Limit, MaxPage); err != nil {
		return page, err
	}
	var past []string // the parts of the last failure's key
	last := ""
	if f.Page != "" {
		text, err := base64.RawURLEncoding.DecodeString(f.Page)
		if past, _ = parts(string(text)); err != nil || len(past) != 4 || len(text) >= MaxKey {
			return page, ErrBadPage
		}
		last = string(text)
	}
	table, prefix, rowOf := tableFailures, "", func(p []string) string { return key(p[:3]...) }
	if f.Asset != "" {
		table, prefix, rowOf = tableFailed, key(string(f.Asset)), func(p []string) string { return key(string(f.Asset), p[0], p[2]) }
	}
	from, oldest := prefix, after(prefix)
	if !f.To.IsZero() {
		from = after(prefix + key(fallingTime(f.To))) // strictly before To
	}
	if past != nil {
		from = max(from, rowOf(past)) // more of its order may follow
	}
	if !f.From.IsZero() {
		oldest = after(prefix + key(fallingTime(f.From)))
	}
	return view(ctx, c, func(r *reader) FailurePage {
		page, end := FailurePage{Failures: []ledger.Failure{}}, ""
		r.failuresIn(table, from, oldest, func(x ledger.Failure) (more bool) {
			k := key(fallingTime(x.At), string(x.Asset), string(x.Run), string(x.Patch)) // newest first
			if last != "" && k <= last || f.Patch != "" && x.Patch != f.Patch || f.Code != 0 && x.Code != f.Code {
				return true
			}
			if len(page.Failures) == f.Limit {
				page.Next = base64.RawURLEncoding.EncodeToString([]byte(end))
				return false
			}
			page.Failures, end = append(page.Failures, x), k
			return true
		})
		return page
	})
}

// failuresIn reads the failures in one of their two lists, until yield wants no
// more.
func (r *reader) failuresIn(table Table, from, to string, yield func(ledger.Failure) (more bool)) {
	const page = 100 // orders: each can have failed installs of some 1000 patches
	for {
		list := r.scan(table, from, to, page)
		var keys []Key
		var times []string
		for _, rec := range list {
			p := r.parts(table, rec.Key, 3)
			at, asset, run := p[0], p[1], p[2]
			if table == tableFailed {
				at, asset = asset, at
			}
			keys, times = append(keys, Key{tableOutcomes, key(run, asset)}), append(times, at)
		}
		for i, value := range r.getMany(keys) {
			p := r.parts(tableOutcomes, keys[i].Key, 2)
			outcomes := decode[ledger.Outcomes](r, tableOutcomes, Record{keys[i].Key, value})
			for _, f := range sorted(outcomes.Index(job.RunID(p[0]), job.AssetID(p[1]))) {
				if r.failed != nil || fallingTime(f.At) == times[i] && !yield(f) {
					return
				}
			}
		}
		if len(list) < page {
			return
		}
		from = list[page-1].Key + "\x00"
	}
}

// sorted returns failures of one order by patch.
func sorted(list []ledger.Failure) []ledger.Failure {
	slices.SortFunc(list, func(a, b ledger.Failure) int { return cmp.Compare(a.Patch, b.Patch) })
	return list
}
