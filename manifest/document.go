package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// Revision numbers an asset's manifests; it only grows (MAN-5). Zero: none yet.
type Revision uint64

// Document is every order an asset should hold now (MAN-4).
type Document struct {
	Format   int         `json:"format"` // 1
	Asset    job.AssetID `json:"asset"`
	Revision Revision    `json:"revision"`
	Issued   time.Time   `json:"issued"`  // UTC
	Expires  time.Time   `json:"expires"` // UTC
	Orders   []job.Order `json:"orders"`  // by Start, then ID
}

// Format is the format of what this package writes, and the highest that it reads: of a Document, and of what the two sides
// say to each other. A form of a higher one is refused with a *NewerFormat; Open puts it into words.
const Format = 1

// How long a manifest is good for, and how long before its end a server sends a fresh one of the same content under the
// next revision. An agent that calls at least once in Lifetime-RenewBefore never sees an expired one.
const (
	Lifetime    = 7 * 24 * time.Hour
	RenewBefore = 2 * 24 * time.Hour
)

// RenewalDue says whether a manifest that expires at the given time should be replaced by a fresh one at now.
func RenewalDue(expires, now time.Time) bool { return !now.Before(expires.Add(-RenewBefore)) }

// Validate says everything that is wrong with the document: its bounds, its times, and each order. The error is a *job.Invalid.
// It looks at the canonical form, so the order of the orders and fractions of seconds are no fault, and orders[i] counts in that form.
func (d Document) Validate() error {
	d = d.canonical()
	var l problem.List
	if d.Format != Format {
		l.Add("format", fmt.Sprint(d.Format), "is not %d", Format)
	}
	l.Under("asset", job.ValidID(string(d.Asset)))
	if d.Revision == 0 {
		l.Add("revision", "0", "is not a revision: they begin at 1")
	}
	number(&l, "revision", d.Revision)
	d.times(&l)
	d.orders(&l)
	return l.Err("manifest")
}

func (d Document) times(l *problem.List) {
	switch {
	case d.Issued.IsZero():
		l.Add("issued", "", "is missing")
	case !d.Expires.After(d.Issued):
		l.Add("expires", d.Expires.Format(time.RFC3339), "is not after issued")
	case d.Expires.Sub(d.Issued) > MaxLifetime:
		l.Add("expires", d.Expires.Format(time.RFC3339), "is more than %v after issued", MaxLifetime)
	}
}

func (d Document) orders(l *problem.List) {
	if len(d.Orders) > MaxOrders {
		l.Add("orders", fmt.Sprint(len(d.Orders)), "are more than %d; hand the later ones out later", MaxOrders)
		return
	}
	seen := make(map[job.OrderID]bool, len(d.Orders))
	for i, o := range d.Orders {
		field := fmt.Sprintf("orders[%d]", i)
		l.Under(field, o.Validate())
		number(l, field+".revision", o.Revision)
		for j, p := range o.Patches {
			for k, f := range p.Files {
				number(l, fmt.Sprintf("%s.patches[%d].files[%d].size", field, j, k), uint64(max(f.Size, 0)))
			}
		}
		if want := job.MakeOrderID(o.Run, d.Asset); o.ID != want {
			l.Add(field+".id", string(o.ID), "is not the order of this asset; want %q", want)
		}
		if seen[o.ID] {
			l.Add(field+".id", string(o.ID), "is named twice")
		}
		seen[o.ID] = true
	}
}

// canonical returns the document in the one form that is written: UTC, whole seconds, orders by Start and then ID.
func (d Document) canonical() Document {
	d.Issued = instant(d.Issued)
	d.Expires = instant(d.Expires)
	orders := make([]job.Order, len(d.Orders)) // never nil: an empty queue is written as []
	copy(orders, d.Orders)
	for i := range orders {
		orders[i].Start = instant(orders[i].Start)
		orders[i].End = instant(orders[i].End)
	}
	slices.SortStableFunc(orders, before)
	d.Orders = orders
	return d
}

// encode writes the canonical form.
func (d Document) encode() ([]byte, error) { return json.Marshal(d.canonical()) }

// decode reads a document that another release may have written: fields that it does not know are ignored, names and texts
// that it does not know are kept (MAN-11). The signature covers the bytes, so there is no need for one way to write it.
func decode(payload []byte) (Document, error) {
	var d Document
	err := enum.Unmarshal(payload, &d)
	if err != nil { // of a later format the rest need not be readable
		var form struct {
			Format int `json:"format"`
		}
		if json.Unmarshal(payload, &form) != nil {
			return Document{}, err
		}
		d.Format = form.Format
	}
	if newer := CheckFormat("the manifest", d.Format, Format); newer != nil || err != nil {
		return Document{}, cmp.Or(newer, err)
	}
	if d.Format == 0 {
		d.Format = 1
	}
	return d.canonical(), nil
}

func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
