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

// Revision numbers an asset's manifests. It only grows (MAN-5). Zero: none yet.
type Revision uint64

// Document is every order that an asset should hold now (MAN-4).
type Document struct {
	Format   int         `json:"format"` // [Format]
	Asset    job.AssetID `json:"asset"`
	Revision Revision    `json:"revision"`
	Issued   time.Time   `json:"issued"`  // UTC
	Expires  time.Time   `json:"expires"` // UTC
	Orders   []job.Order `json:"orders"`  // by Start, then ID
}

// Format is the format number that this package writes, and the highest that it
// reads, for a [Document] and for the messages of both sides. A higher one is
// refused with a [*NewerFormat]; for a manifest, [Open] returns a [*Refused].
const Format = 1

const (
	// Lifetime is how long a manifest is valid.
	Lifetime = 7 * 24 * time.Hour
	// RenewBefore is how long before its expiry the server replaces a manifest
	// with one that has the same orders and the next revision. An agent that
	// calls at least once per RenewBefore never holds an expired manifest.
	RenewBefore = 2 * 24 * time.Hour
)

// RenewalDue reports whether a manifest with the given expiry should be
// replaced at now.
func RenewalDue(expires, now time.Time) bool { return !now.Before(expires.Add(-RenewBefore)) }

// Validate returns every problem of the document: bounds, times, and each
// order. It checks the canonical form, so neither the order of the orders nor
// fractions of seconds are a fault, and orders[i] counts in that form. The
// error is a *job.Invalid.
func (d Document) Validate() error {
	d = d.canonical()
	var l problem.List
	if d.Format != Format {
		l.Add("format", fmt.Sprint(d.Format), "is not %d", Format)
	}
	l.Under("asset", job.ValidID(string(d.Asset)))
	if d.Revision == 0 {
		l.Add("revision", "0", "is not a revision; the first is 1")
	}
	number(&l, "revision", d.Revision)
	switch {
	case d.Issued.IsZero():
		l.Add("issued", "", "is missing")
	case !d.Expires.After(d.Issued):
		l.Add("expires", d.Expires.Format(time.RFC3339), "is not after issued")
	case d.Expires.Sub(d.Issued) > MaxLifetime:
		l.Add("expires", d.Expires.Format(time.RFC3339), "is more than %v after issued", MaxLifetime)
	}
	d.orders(&l)
	return l.Err("manifest")
}

func (d Document) orders(l *problem.List) {
	if len(d.Orders) > MaxOrders {
		l.Add("orders", fmt.Sprint(len(d.Orders)), "is more than %d; hand the later ones out later", MaxOrders)
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

// canonical returns the document as it is written: UTC, whole seconds, orders
// by Start, then ID.
func (d Document) canonical() Document {
	d.Issued = instant(d.Issued)
	d.Expires = instant(d.Expires)
	orders := make([]job.Order, len(d.Orders)) // never nil: an empty queue is written as []
	copy(orders, d.Orders)
	for i := range orders {
		orders[i].Start = instant(orders[i].Start)
		orders[i].End = instant(orders[i].End)
		orders[i].RebootUntil = instant(orders[i].RebootUntil)
	}
	slices.SortStableFunc(orders, before)
	d.Orders = orders
	return d
}

func (d Document) encode() ([]byte, error) { return json.Marshal(d.canonical()) }

// decode reads a document that another release may have written: it ignores
// unknown fields and keeps unknown names as text (MAN-11). The signature covers
// the bytes, so they need not be in canonical form.
func decode(payload []byte) (Document, error) {
	var d Document
	err := enum.Unmarshal(payload, &d)
	if err != nil { // a later format need not be readable otherwise
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

// NewerFormat is the error of a reader for a form whose format number is above
// those it knows: a later release changed what something means. Nothing of the
// form is used (MAN-11).
type NewerFormat struct {
	What string // the form: "the check-in", "the agent's state"
	Have int    // its format
	Know int    // the highest that this release knows
}

// Error says which release to use.
func (e *NewerFormat) Error() string {
	return fmt.Sprintf("%s has format %d, and this release knows formats up to %d: use the release that wrote it, or a later one", e.What, e.Have, e.Know)
}

// Is reports that a NewerFormat is an [ErrInvalid] too, so that a server
// returns it to the agent that sent the form.
func (e *NewerFormat) Is(target error) bool { return target == ErrInvalid }

// CheckFormat returns a [*NewerFormat] if have is above know. Zero, a form
// without a number, counts as 1.
func CheckFormat(what string, have, know int) error {
	if have > know {
		return &NewerFormat{what, have, know}
	}
	return nil
}
