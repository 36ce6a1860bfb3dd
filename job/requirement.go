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

// requirements returns what a patch needs, as an order holds it.
func requirements(snap *catalog.Snapshot, patch catalog.Patch) (list []Requirement) {
	for _, r := range patch.Requires {
		needed, _ := snap.Reaches(patch.ID, r.Patch)
		list = append(list, Requirement{Patch: r.Patch, Product: needed.Product, Version: needed.Version, Reboot: r.Reboot})
	}
	return list
}

// arrangement is one call of arrange in progress (JOB-14).
type arrangement struct {
	in       PlanInput
	patches  []OrderPatch
	of       map[catalog.ProductID]int // the index of the patch of an installed product
	state    []placing                 // of the patch at the same index
	arranged []OrderPatch
	without  []PatchOutcome
}

// placing is how far a patch is placed.
type placing uint8

const (
	unplaced placing = iota
	started          // its requirements are being placed
	placed
	unmet
)

// arrange puts each patch after those that it needs, and keeps the order
// otherwise. Without lists the patches that need something which neither the
// asset has nor the order installs.
func arrange(in PlanInput, patches []OrderPatch) (arranged []OrderPatch, without []PatchOutcome) {
	a := arrangement{in: in, patches: patches, of: make(map[catalog.ProductID]int, len(patches)), state: make([]placing, len(patches))}
	for i, p := range patches {
		a.of[in.Inventory.Software(p.Product)] = i
	}
	for _, p := range patches {
		for k := range p.Requires { // the same software may come from another channel (CAT-17)
			if j, brought := a.of[in.Inventory.Software(p.Requires[k].Product)]; brought {
				p.Requires[k].Product = patches[j].Product
			}
		}
	}
	afterReboot := func(r Requirement) bool { return r.Reboot }
	for i, p := range patches { // first, so that a newer version of what they need comes after them
		if slices.ContainsFunc(p.Requires, afterReboot) {
			a.place(i)
		}
	}
	for i := range patches {
		a.place(i)
	}
	return a.arranged, a.without
}

// place puts a patch into the order after all that it needs, and reports
// whether it could.
func (a *arrangement) place(i int) bool {
	if a.state[i] != unplaced {
		return a.state[i] == placed // a started one needs itself
	}
	a.state[i] = started
	p := a.patches[i]
	for _, r := range p.Requires {
		text := r.Unmet(a.in.Inventory, a.in.Pending)
		if text == "" {
			continue
		}
		if j, brought := a.of[a.in.Inventory.Software(r.Product)]; brought && r.Provides(a.patches[j]) {
			switch {
			case !a.place(j):
				text = fmt.Sprintf("It needs %s, which is left out too.", r.Patch)
			case r.Reboot:
				text = fmt.Sprintf("It needs %s and a reboot between them; a later run takes it.", r.Patch)
			default:
				continue
			}
		}
		a.state[i] = unmet
		found, _ := a.in.Inventory.Find(p.Product)
		a.without = append(a.without, PatchOutcome{
			Patch: p.Patch, Name: p.Name, Status: LeftOut, From: found.Version, To: p.Version, Rule: requirementRule, Text: text,
		})
		return false
	}
	a.state[i] = placed
	a.arranged = append(a.arranged, p)
	return true
}
