package job

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Order is a run as frozen for one asset. What it has in common with the Definition means the same there.
type Order struct {
	ID         OrderID           `json:"id"`
	Job        ID                `json:"job"`
	Name       string            `json:"name"` // the job's
	Run        RunID             `json:"run"`
	Revision   uint64            `json:"revision"`     // the definition's
	Start      time.Time         `json:"start"`        // UTC
	End        time.Time         `json:"end,omitzero"` // of the window, UTC; zero: none (JOB-10)
	Patches    []OrderPatch      `json:"patches,omitempty"`
	Pre        []Action          `json:"pre,omitempty"`
	Post       []Action          `json:"post,omitempty"`
	Reboot     reboot.Policy     `json:"reboot"`
	NoLastCall bool              `json:"noLastCall,omitempty"`
	Early      bool              `json:"early,omitempty"`     // files may be fetched before the start (JOB-23)
	Cancelled  bool              `json:"cancelled,omitempty"` // the mark of MAN-4
	Policy     integrity.Excerpt `json:"policy,omitzero"`     // of the signer policy it was made under; zero: under none (INT-4)
}

// OrderPatch is one patch of an order with all an agent needs to fetch, judge and deploy it.
type OrderPatch struct {
	Patch       catalog.PatchID   `json:"patch"`
	Product     catalog.ProductID `json:"product"`
	Name        string            `json:"name"`             // the product's
	Vendor      string            `json:"vendor,omitempty"` // the product's, for the clauses of signer policies
	Version     version.Version   `json:"version"`
	LatestOnly  bool              `json:"latestOnly,omitempty"`  // a newer version than ordered is a success (CAT-7)
	Reboot      bool              `json:"reboot,omitempty"`      // it says itself that it needs one (RBT-2)
	Transaction string            `json:"transaction,omitempty"` // patches of the same one are installed together; empty: alone
	Files       []File            `json:"files"`
}

// File is one artifact of an order.
type File struct {
	Name         string                `json:"name"`
	URL          string                `json:"url"`
	SignatureURL string                `json:"signatureUrl,omitempty"`
	Size         int64                 `json:"size,omitempty"` // bytes; zero: not told
	Expect       integrity.Expectation `json:"expect"`
}

// Validate says everything that is wrong with an order; the error is an *Invalid.
func (o Order) Validate() error {
	var p problems
	p.id("job", string(o.Job))
	p.text("name", o.Name)
	p.run("run", o.Run, o.Job, o.Start)
	asset, ok := strings.CutPrefix(string(o.ID), string(o.Run)+"/")
	if !ok {
		p.add("id", string(o.ID), fmt.Sprintf("does not begin with %q", string(o.Run)+"/"))
	} else {
		p.id("id", asset)
	}
	if o.Start.IsZero() {
		p.add("start", "", "is missing (JOB-20)")
	}
	if !o.End.IsZero() && !o.End.After(o.Start) {
		p.add("end", o.End.String(), "is not after the start (JOB-20)")
	}
	if len(o.Patches) > MaxPatches {
		p.add("patches", fmt.Sprint(len(o.Patches)), fmt.Sprintf("are more than %d", MaxPatches))
	}
	products := map[catalog.ProductID]bool{}
	for i, patch := range o.Patches {
		if products[patch.Product] {
			p.add(fmt.Sprintf("patches[%d].product", i), string(patch.Product), "is that of another patch of the order; one a product (CAT-14)")
		}
		products[patch.Product] = true
		p.orderPatch(fmt.Sprintf("patches[%d]", i), patch)
	}
	p.actions("pre", o.Pre)
	p.actions("post", o.Post)
	p.reboot("reboot", o.Reboot)
	if !o.Policy.IsZero() {
		p.policy("policy", o.Policy)
	}
	return p.err("order " + string(o.ID))
}

// Asset returns the asset the order is for.
func (o Order) Asset() AssetID {
	return AssetID(strings.TrimPrefix(string(o.ID), string(o.Run)+"/"))
}

func (p *problems) orderPatch(at string, patch OrderPatch) {
	if patch.Patch == "" || patch.Product == "" {
		p.add(at, string(patch.Patch), "has no patch or no product")
	}
	p.text(at+".patch", string(patch.Patch))
	p.text(at+".product", string(patch.Product))
	p.text(at+".name", patch.Name)
	p.text(at+".vendor", patch.Vendor)
	p.text(at+".transaction", patch.Transaction)
	if patch.Version.IsZero() {
		p.add(at+".version", "", "is missing")
	}
	if len(patch.Files) > MaxFiles {
		p.add(at+".files", fmt.Sprint(len(patch.Files)), fmt.Sprintf("are more than %d", MaxFiles))
	}
	for i, f := range patch.Files {
		field := fmt.Sprintf("%s.files[%d]", at, i)
		p.text(field+".name", f.Name)
		if f.Name == "" || f.Name == "." || f.Name == ".." || strings.ContainsAny(f.Name, `/\`) {
			p.add(field+".name", f.Name, "is no plain file name")
		}
		if f.Size < 0 {
			p.add(field+".size", fmt.Sprint(f.Size), "is negative")
		}
		if f.URL != "" { // an empty one fails at download, with its own code
			p.url(field+".url", f.URL)
		}
		if f.SignatureURL != "" {
			p.url(field+".signatureUrl", f.SignatureURL)
		}
		if err := f.Expect.Validate(); err != nil {
			p.add(field+".expect", "", err.Error())
		}
	}
}

func (p *problems) policy(field string, x integrity.Excerpt) {
	if bad, ok := errors.AsType[*integrity.Invalid](x.Validate()); ok {
		for _, b := range bad.Problems {
			p.add(field+"."+b.Field, b.Value, b.Text)
		}
	}
}

func (p *problems) url(field, s string) {
	p.text(field, s)
	if u, err := url.Parse(s); err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" {
		p.add(field, s, "is no http, https or file URL")
	}
}
