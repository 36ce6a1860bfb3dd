package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Installed is one product as an asset's inventory found it.
type Installed struct {
	Product  ProductID       `json:"product"`
	Version  version.Version `json:"version"`
	Held     bool            `json:"held,omitempty"`     // the asset's package manager holds it back
	PinnedTo string          `json:"pinnedTo,omitempty"` // the version the asset's package manager prefers, when not the newest it knows
	Also     []ProductID     `json:"also,omitempty"`     // the same software in other channels that this asset uses: their patches are for it too (CAT-17)
}

// Inventory is what is installed on one asset, sorted by product, each product once. NewInventory makes one that is; of one
// that is not sorted, Find may miss products.
type Inventory struct {
	Platform  Platform    `json:"platform"`
	Installed []Installed `json:"installed"`
}

// Problem is one thing that is wrong with a value. Field says where, and Text what is wrong.
type Problem = problem.Problem

// Invalid is the error of a value that is refused as a whole. Problems lists everything that is wrong with it.
type Invalid = problem.Invalid

// NewInventory sorts what is installed, leaving the argument as it is. It refuses an unknown platform, a product that
// occurs twice, an installed product without a version, an unfit text and more than MaxInstalled products, with an
// *Invalid that names each.
func NewInventory(platform Platform, installed []Installed) (Inventory, error) {
	var bad problem.List
	if !platforms.Valid(platform) {
		bad.Add("platform", platform.String(), "is no platform")
	}
	if len(installed) > MaxInstalled {
		bad.Add("", "", "%d products are installed, the most is %d", len(installed), MaxInstalled)
		return Inventory{}, bad.Err("inventory")
	}
	sorted := slices.Clone(installed)
	slices.SortStableFunc(sorted, func(a, b Installed) int { return cmp.Compare(a.Product, b.Product) })
	for i, in := range sorted {
		c := checker{}
		c.text("product", string(in.Product), MaxID, true)
		c.text("the pinned version", in.PinnedTo, version.MaxLength, false)
		if in.Version.IsZero() {
			c.addf("it has no version")
		}
		if i > 0 && sorted[i-1].Product == in.Product {
			c.addf("it occurs twice")
		}
		for _, p := range c.problems {
			bad.Add("product", string(in.Product), "%s", p)
		}
	}
	if err := bad.Err("inventory"); err != nil {
		return Inventory{}, err
	}
	return Inventory{Platform: platform, Installed: sorted}, nil
}

// UnmarshalJSON reads an inventory that another release may have written (MAN-11): fields and names that it does not know do
// no harm. It sorts; what is wrong with the inventory, NewInventory says.
func (inv *Inventory) UnmarshalJSON(data []byte) error {
	type plain Inventory
	var p plain
	if err := enum.Unmarshal(data, &p); err != nil {
		return err
	}
	slices.SortStableFunc(p.Installed, func(a, b Installed) int { return cmp.Compare(a.Product, b.Product) })
	*inv = Inventory(p)
	return nil
}

// Find looks a product up by binary search.
func (inv Inventory) Find(id ProductID) (Installed, bool) {
	i, found := slices.BinarySearchFunc(inv.Installed, id, func(in Installed, id ProductID) int { return cmp.Compare(in.Product, id) })
	if !found {
		return Installed{}, false
	}
	return inv.Installed[i], true
}

// Digest is "sha256:" and the lower-case hex SHA-256 of the inventory's canonical encoding. Equal inventories have equal
// digests; a server asks for the inventory only when the digest differs from the one it holds.
//
// The encoding is "inventory 1", the platform, and for each product its id, its version as "scheme:text", "held" or
// nothing, and the pinned version; each of these preceded by its length in bytes as an unsigned varint.
func (inv Inventory) Digest() string {
	h := sha256.New()
	put := func(text string) {
		h.Write(append(binary.AppendUvarint(nil, uint64(len(text))), text...))
	}
	put("inventory 1")
	put(inv.Platform.String())
	for _, in := range inv.Installed {
		put(string(in.Product))
		v, _ := in.Version.MarshalText() // one that was parsed always has a text form
		put(string(v))
		put(map[bool]string{true: "held"}[in.Held])
		put(in.PinnedTo)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
