package catalog

import "github.com/patchpolicy/patchpolicy/catalog/version"

// Upgrade says whether a version of a product is an upgrade of what is
// installed: the reason has the code Upgrade, or one that blocks. Name is the
// product's name, for the sentence. From is the installed version; zero: it is
// not installed. The server calls Upgrade when it makes an order, and the agent
// calls it again before it downloads (CAT-3).
func (inv Inventory) Upgrade(product ProductID, name string, to version.Version) (from version.Version, r Reason) {
	found, installed := inv.Find(product)
	return found.Version, upgrade(found, installed, name, to)
}

// upgrade is Inventory.Upgrade for what was found of the product.
func upgrade(found Installed, installed bool, name string, to version.Version) Reason {
	from := found.Version
	switch order, orderable := to.Compare(from); {
	case !installed:
		return NewReason(NotInstalled, "", to.String(), "%s is not installed, and nothing is installed for the first time.", name)
	case !orderable:
		return NewReason(Unorderable, from.String(), to.String(), "The installed version %s of %s (%s) cannot be ordered with %s (%s).",
			from, name, from.Scheme(), to, to.Scheme())
	case order == 0:
		return NewReason(AlreadyInstalled, from.String(), to.String(), "%s is already at version %s.", name, from)
	case order < 0:
		return NewReason(NewerInstalled, from.String(), to.String(), "The installed version %s of %s is newer than %s, and nothing is downgraded.", from, name, to)
	default:
		return NewReason(Upgrade, from.String(), to.String(), "%s can be upgraded from %s to %s.", name, from, to)
	}
}
