package job

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Order is what one run asks of one asset. A field with the same name as a
// field of [Definition] means the same.
type Order struct {
	ID           OrderID           `json:"id"`
	Job          ID                `json:"job"`
	Name         string            `json:"name"` // the job's
	Run          RunID             `json:"run"`
	Revision     uint64            `json:"revision"`     // the definition's
	Start        time.Time         `json:"start"`        // UTC
	End          time.Time         `json:"end,omitzero"` // of the window, UTC; zero: none (JOB-10)
	Patches      []OrderPatch      `json:"patches,omitempty"`
	Pre          []Action          `json:"pre,omitempty"`
	Post         []Action          `json:"post,omitempty"`
	InstallLimit time.Duration     `json:"installLimit,omitempty"` // zero: none (JOB-25)
	Reboot       reboot.Policy     `json:"reboot"`
	NoLastCall   bool              `json:"noLastCall,omitempty"`
	Early        bool              `json:"early,omitempty"`      // files may be downloaded before the start (JOB-23)
	Cancelled    bool              `json:"cancelled,omitempty"`  // the mark of MAN-4
	Begun        bool              `json:"begun,omitempty"`      // known to have begun: an agent that does not hold it never starts it (JOB-24)
	SignerPolicy integrity.Excerpt `json:"policy,omitzero"`      // that it was made under; zero: none (INT-4)
	RebootUntil  time.Time         `json:"rebootUntil,omitzero"` // the mark of ROL-7: the asset has a reboot slot, and may go down until then, UTC; zero: none

	// RebootPending says that the order also reboots for a reboot that was
	// pending when it began (RBT-2, RBT-11).
	RebootPending bool `json:"rebootPending,omitempty"`

	// Needs names the [Capabilities] that an agent must have to carry the
	// order out, MaxCapabilities at most.
	Needs []string `json:"needs,omitempty"`
}

// OrderPatch is one patch of an order, with everything that an agent needs to
// download, judge and deploy it.
type OrderPatch struct {
	Patch       catalog.PatchID   `json:"patch"`
	Product     catalog.ProductID `json:"product"`
	Name        string            `json:"name"`             // the product's
	Vendor      string            `json:"vendor,omitempty"` // the product's, for the clauses of signer policies
	Feed        catalog.FeedID    `json:"feed,omitempty"`   // of the patch, also for those clauses (CAT-17)
	Version     version.Version   `json:"version"`
	LatestOnly  bool              `json:"latestOnly,omitempty"`  // a newer version than ordered is a success (CAT-7)
	Reboot      bool              `json:"reboot,omitempty"`      // it declares that it needs one (RBT-2)
	Due         time.Time         `json:"due,omitzero"`          // by when it must be installed; zero: no date (DUE-1)
	Transaction string            `json:"transaction,omitempty"` // patches with the same transaction are installed together; empty: alone
	Requires    []Requirement     `json:"requires,omitempty"`    // checked again just before its install (JOB-14)
	Files       []File            `json:"files"`
}

// File is one artifact of an order.
type File struct {
	Name         string                `json:"name"`
	URL          string                `json:"url"`
	SignatureURL string                `json:"signatureUrl,omitempty"`
	Size         int64                 `json:"size,omitempty"` // bytes; zero: not known
	Expect       integrity.Expectation `json:"expect"`
}

// Validate says everything that is wrong with the order. What [Order.NotKnown]
// names is not wrong. The error is an *Invalid.
func (o Order) Validate() error {
	var l problem.List
	checkID(&l, "job", string(o.Job))
	checkText(&l, "name", o.Name)
	checkRun(&l, "run", o.Run, o.Job, o.Start)
	if o.ID.Run() != o.Run {
		l.Add("id", string(o.ID), "does not begin with %q", string(o.Run)+"/")
	} else {
		checkID(&l, "id", string(o.ID.Asset()))
	}
	if o.Start.IsZero() {
		l.Add("start", "", "is missing (JOB-20)")
	}
	if !o.End.IsZero() && !o.End.After(o.Start) {
		l.Add("end", o.End.String(), "is not after the start (JOB-20)")
	}
	if len(o.Patches) > MaxPatches {
		l.Add("patches", fmt.Sprint(len(o.Patches)), "are too many; use at most %d", MaxPatches)
	}
	products := map[catalog.ProductID]bool{}
	for i, patch := range o.Patches {
		if products[patch.Product] {
			l.Add(fmt.Sprintf("patches[%d].product", i), string(patch.Product), "is the product of another patch of the order; keep one patch per product (CAT-14)")
		}
		products[patch.Product] = true
		checkOrderPatch(&l, fmt.Sprintf("patches[%d]", i), patch)
	}
	checkActions(&l, "pre", o.Pre)
	checkActions(&l, "post", o.Post)
	checkDuration(&l, "installLimit", o.InstallLimit, MinInstallLimit, MaxInstallLimit, "none", "JOB-25")
	l.Under("reboot", o.Reboot.Validate())
	if !o.RebootUntil.IsZero() && !o.Reboot.Slot {
		l.Add("rebootUntil", o.RebootUntil.String(), "is set, and reboot.slot is not (ROL-7)")
	}
	checkRebootPending(&l, o.RebootPending, o.Reboot)
	if !o.SignerPolicy.IsZero() && o.SignerPolicy.Digest.NotKnown() == "" {
		l.Under("policy", o.SignerPolicy.Validate())
	}
	checkIDs(&l, "needs", o.Needs, MaxCapabilities)
	return l.Err("order " + string(o.ID))
}

func checkOrderPatch(l *problem.List, at string, patch OrderPatch) {
	if patch.Patch == "" || patch.Product == "" {
		l.Add(at, string(patch.Patch), "has no patch or no product")
	}
	checkText(l, at+".patch", string(patch.Patch))
	checkText(l, at+".product", string(patch.Product))
	checkText(l, at+".name", patch.Name)
	checkText(l, at+".vendor", patch.Vendor)
	checkText(l, at+".feed", string(patch.Feed))
	checkText(l, at+".transaction", patch.Transaction)
	if patch.Version.IsZero() {
		l.Add(at+".version", "", "is missing")
	}
	if len(patch.Requires) > catalog.MaxEdges {
		l.Add(at+".requires", fmt.Sprint(len(patch.Requires)), "are too many; use at most %d", catalog.MaxEdges)
	}
	for i, r := range patch.Requires {
		field := fmt.Sprintf("%s.requires[%d]", at, i)
		checkText(l, field+".patch", string(r.Patch))
		checkText(l, field+".product", string(r.Product))
	}
	if len(patch.Files) > MaxFiles {
		l.Add(at+".files", fmt.Sprint(len(patch.Files)), "are too many; use at most %d", MaxFiles)
	}
	for i, f := range patch.Files {
		field := fmt.Sprintf("%s.files[%d]", at, i)
		checkText(l, field+".name", f.Name)
		if f.Name == "" || f.Name == "." || f.Name == ".." || strings.ContainsAny(f.Name, `/\`) {
			l.Add(field+".name", f.Name, "is not a plain file name")
		}
		if f.Size < 0 {
			l.Add(field+".size", fmt.Sprint(f.Size), "is negative")
		}
		if f.URL != "" { // an empty one fails at download, with code 13
			checkURL(l, field+".url", f.URL)
		}
		if f.SignatureURL != "" {
			checkURL(l, field+".signatureUrl", f.SignatureURL)
		}
		expect := f.Expect
		if slices.ContainsFunc(expect.Digests, notKnown) {
			expect.Digests = slices.DeleteFunc(slices.Clone(expect.Digests), notKnown)
		}
		l.Under(field+".expect", expect.Validate())
	}
}

func notKnown(d integrity.Digest) bool { return d.NotKnown() != "" }

// NotKnown names the first thing in the order that this release does not know
// and needs to know, as `patches[0].version: scheme "zap"`; empty: nothing.
// Such an order is not started (MAN-11). A digest of an unknown algorithm
// matters only if no digest beside it carries trust (INT-7).
func (o Order) NotKnown() string {
	if what := o.SignerPolicy.Digest.NotKnown(); what != "" {
		return "policy.digest: " + what
	}
	for i, p := range o.Patches {
		at := fmt.Sprintf("patches[%d]", i)
		if what := p.Version.NotKnown(); what != "" {
			return at + ".version: " + what
		}
		for j, r := range p.Requires {
			if what := r.Version.NotKnown(); what != "" {
				return fmt.Sprintf("%s.requires[%d].version: %s", at, j, what)
			}
		}
		for j, f := range p.Files {
			trusted := func(d integrity.Digest) bool { return !notKnown(d) && !d.Algorithm.Legacy() }
			k := slices.IndexFunc(f.Expect.Digests, notKnown)
			if k >= 0 && !slices.ContainsFunc(f.Expect.Digests, trusted) {
				return fmt.Sprintf("%s.files[%d].expect.digests[%d]: %s", at, j, k, f.Expect.Digests[k].NotKnown())
			}
		}
	}
	return ""
}

func checkURL(l *problem.List, field, s string) {
	checkText(l, field, s)
	if u, err := url.Parse(s); err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" {
		l.Add(field, s, "is not an http, https or file URL")
	}
}
