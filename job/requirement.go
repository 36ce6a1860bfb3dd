package job

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Requirement is what an asset must have before a patch is installed there
// (JOB-14).
type Requirement struct {
	Patch   catalog.PatchID   `json:"patch"`
	Product catalog.ProductID `json:"product"` // of Patch; empty: the catalog does not have it, and nothing meets the requirement
	Version version.Version   `json:"version"`
	Reboot  bool              `json:"reboot,omitempty"` // and a reboot after it
}

// Provides reports whether a patch of the same order installs what is required.
func (r Requirement) Provides(p OrderPatch) bool {
	order, orderable := p.Version.Compare(r.Version)
	return r.Product != "" && p.Product == r.Product && orderable && order >= 0
}

// Unmet says in one sentence why an asset does not meet the requirement. It is
// empty if the asset does.
func (r Requirement) Unmet(inv catalog.Inventory, pending PendingReboots) string {
	if r.Product == "" {
		return fmt.Sprintf("It needs %s, which the catalog does not have.", r.Patch)
	}
	found, installed := inv.Find(r.Product)
	order, orderable := found.Version.Compare(r.Version)
	switch {
	case !installed:
		return fmt.Sprintf("It needs %s (%s %s), and %s is not installed.", r.Patch, r.Product, r.Version, r.Product)
	case !orderable || order < 0:
		return fmt.Sprintf("It needs %s (%s %s), and %s is installed.", r.Patch, r.Product, r.Version, found.Version)
	case r.Reboot && pending.Unknown:
		return fmt.Sprintf("It needs %s and a reboot after it; a reboot is pending here.", r.Patch)
	case r.Reboot && slices.ContainsFunc(pending.Products, func(p catalog.ProductID) bool { return inv.Software(p) == inv.Software(r.Product) }):
		return fmt.Sprintf("It needs %s and a reboot after it, which is pending.", r.Patch)
	default:
		return ""
	}
}

// PendingReboots says for which products a reboot of an asset is pending. The
// zero value is none.
type PendingReboots struct {
	Unknown  bool                // the system itself says that it needs a reboot, which may be for any product
	Products []catalog.ProductID // installed by executions that wait for their reboot
}

// Any reports whether a reboot is pending.
func (p PendingReboots) Any() bool { return p.Unknown || len(p.Products) > 0 }

// arrange puts each patch after those that it needs, and keeps the order
// otherwise. Without lists the patches that need something which neither the
// asset has nor the order installs (JOB-14).
func arrange(in PlanInput, patches []OrderPatch) (arranged []OrderPatch, without []PatchOutcome) {
	of := make(map[catalog.ProductID]int, len(patches)) // the index of the patch of an installed product
	for i, p := range patches {
		of[in.Inventory.Software(p.Product)] = i
	}
	for _, p := range patches {
		for k := range p.Requires { // the same software may come from another channel (CAT-17)
			if j, brought := of[in.Inventory.Software(p.Requires[k].Product)]; brought {
				p.Requires[k].Product = patches[j].Product
			}
		}
	}
	placed := make(map[int]bool, len(patches)) // the patches looked at, and whether they are arranged
	var place func(i int) bool                 // puts a patch after all that it needs, and reports whether it could
	place = func(i int) bool {
		if is, seen := placed[i]; seen {
			return is // one that is being placed needs itself
		}
		placed[i] = false
		p := patches[i]
		for _, r := range p.Requires {
			text := r.Unmet(in.Inventory, in.Pending)
			if text == "" {
				continue
			}
			if j, brought := of[in.Inventory.Software(r.Product)]; brought && r.Provides(patches[j]) {
				switch {
				case !place(j):
					text = fmt.Sprintf("It needs %s, which is left out too.", r.Patch)
				case r.Reboot:
					text = fmt.Sprintf("It needs %s and a reboot between them; a later run takes it.", r.Patch)
				default:
					continue
				}
			}
			found, _ := in.Inventory.Find(p.Product)
			without = append(without, PatchOutcome{
				Patch: p.Patch, Name: p.Name, Status: LeftOut, From: found.Version, To: p.Version, Rule: requirementRule, Text: text,
			})
			return false
		}
		placed[i] = true
		arranged = append(arranged, p)
		return true
	}
	for i, p := range patches { // first, so that a newer version of what they need comes after them
		if slices.ContainsFunc(p.Requires, func(r Requirement) bool { return r.Reboot }) {
			place(i)
		}
	}
	for i := range patches {
		place(i)
	}
	return arranged, without
}
